"""Eq. 4: from the class token to a prediction."""

from explainer.app.steps.page import show_steps

show_steps("head")
