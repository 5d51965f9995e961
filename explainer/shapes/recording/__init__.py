"""Running a module once, on real tensors or on the meta device, and recording every call of torch that it makes."""
