"""The parts of the Break it page."""
