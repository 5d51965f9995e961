"""The pictures to learn from: found, unpacked, drawn, looked at, and changed at random."""
