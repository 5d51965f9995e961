"""A page or a view as a file: figures drawn by Matplotlib, and the parts of a saved page."""
