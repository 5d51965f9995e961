"""The forward pass as a film: its tensors, its steps, and what each step is linked to."""
