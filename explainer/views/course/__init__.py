"""Views of data, training, and the pages of the course chapter."""
