"""The steps of a stage: words, picture, equation, line of code, tensors and proof, together."""
