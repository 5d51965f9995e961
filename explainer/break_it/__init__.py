"""Break it: bugs in a small ViT, to be found by the shapes they cause."""
