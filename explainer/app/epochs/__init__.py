"""The parts of the Epochs page."""
