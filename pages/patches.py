"""Cutting the image: N patches, flattened, and the one linear map that embeds them all."""

from explainer.app.blocks import show_formula, show_section, show_stage, show_view
from explainer.app.session import current
from explainer.stages import Stage
from explainer.views import patches
from vit_core import patchify

session = current()
model, trace, config = session.model, session.trace, session.config


def pictures(stage: Stage) -> None:
    """The grid, one patch as numbers, the filters, one patch embedded."""
    show_formula("num_patches")
    show_section(stage, "grid")
    show_view("grid", lambda: patches.grid(session.pixels, trace.image, config, session.token))
    show_formula("patchify")
    show_section(stage, "filters")
    show_view("filters", lambda: patches.filters(model.projection_matrix, config))
    show_view("filter_components", lambda: patches.filter_components(model.projection_matrix, config))
    show_section(stage, "projection")
    show_formula("patch_projection")
    token = max(session.token, 1)  # the class token is not made of a patch
    bias = model.patch_projection.bias
    assert bias is not None
    patch = patchify(trace.image, config.patch_size)[token - 1]
    show_view(
        "projection",
        lambda: patches.projection(patch, model.projection_matrix, bias, trace.patch_embeddings[token - 1], token),
    )


show_stage("patches", session, pictures)
