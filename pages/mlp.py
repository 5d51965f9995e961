"""Eq. 3: every token alone, from D to the MLP size and back."""

from explainer.app.steps.page import show_steps

show_steps("mlp")
