"""The sheet that explains a number, and the forward passes that it may be of."""
