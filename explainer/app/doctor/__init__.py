"""The parts of the Checkpoint doctor."""
