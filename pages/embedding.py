"""Eq. 1: the class token, the patch embeddings, their positions, and the sum."""

from explainer.app.steps.page import show_steps

show_steps("embedding")
