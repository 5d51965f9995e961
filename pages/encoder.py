"""The encoder, L layers: the changes from one to the next."""

from explainer.app.blocks import show_formula, show_section, show_stage, show_view
from explainer.app.session import current, residual_norms
from explainer.stages import Stage
from explainer.views import depth, lens

session = current()
trace, token, layer, head = session.trace, session.token, session.layer, session.head


def pictures(stage: Stage) -> None:
    """Layers by heads, sizes of the updates, the class token's way, the logit lens, rollout, distances."""
    show_section(stage, "layers-heads")
    show_view("layers_by_heads", lambda: depth.layers_by_heads(trace, token, layer, head, session.pixels))
    show_section(stage, "updates")
    show_view(
        "update_sizes", lambda: depth.update_sizes(residual_norms(session), token, session.config.grid_size, layer)
    )
    show_section(stage, "class-token")
    show_view("class_token_path", lambda: depth.class_token_path(trace, layer))
    show_section(stage, "logit-lens")
    show_formula("logit_lens")
    show_view("logit_lens", lambda: lens.logit_lens(session.model, trace, session.checkpoint.labels, layer))
    show_section(stage, "rollout")
    show_formula("attention_rollout")
    show_view("rollout", lambda: depth.rollout(trace, session.pixels))
    show_section(stage, "distance")
    show_formula("attention_distance")
    show_view("distance", lambda: depth.attention_distance(trace, session.config, layer, head))


show_stage("encoder", session, pictures)
