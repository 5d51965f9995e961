"""Trace in, view out: a module for each stage of the story. Each view is a pure function from tensors to a ``View``."""
