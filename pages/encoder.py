"""The encoder, L layers: the changes from one to the next."""

from explainer.app.steps.page import show_steps

show_steps("encoder")
