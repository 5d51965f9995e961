"""The whole forward pass on one screen, in the order of the paper's Figure 1."""

from explainer.app.steps.page import show_steps

show_steps("overview")
