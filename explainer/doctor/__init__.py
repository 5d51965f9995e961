"""What a weights file is, as a report, and the names that every family gives the same tensor."""
