"""Weights from files of any format, without running anything that a file says."""
