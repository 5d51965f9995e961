"""The parts of the Metric page."""
