"""One module per stage of the story; each view is a pure function from tensors to a ``View``."""
