"""The report on a weights file, and the names that every family gives the same tensor."""
