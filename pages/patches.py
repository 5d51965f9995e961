"""Cutting the image: N patches, flattened, and the one linear map that embeds them all."""

from explainer.app.steps.page import show_steps

show_steps("patches")
