"""The explanation of the model: its equations, symbols, shapes, proofs and pictures. Knows nothing of the app."""
