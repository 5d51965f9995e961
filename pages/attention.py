"""Eq. 2 and Appendix A: every step from z to what attention adds to it."""

from explainer.app.steps.page import show_steps

show_steps("attention")
