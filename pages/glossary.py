"""Every letter, every term, the equations in words, and how to read a paper like this one."""

from explainer.app.steps.page import show_steps

show_steps("glossary")
