"""The encoder, L layers: what changes from one to the next."""

from explainer.stages import Stage
from explainer.views import depth
from pages.blocks import show_formula, show_section, show_stage, show_view
from pages.session import current, kept_view, residual_norms

session = current()
trace, token, layer, head = session.trace, session.token, session.layer, session.head


def pictures(stage: Stage) -> None:
    """Layers by heads, sizes of the updates, the class token's way, the logit lens, rollout, distances."""
    show_section(stage, "layers-heads")
    show_view(depth.layers_by_heads(trace, token, layer, head, session.pixels), key="layers_by_heads")
    show_section(stage, "updates")
    show_view(
        depth.update_sizes(residual_norms(session), token, session.config.grid_size, layer), key="update_sizes"
    )
    show_section(stage, "class-token")
    show_view(depth.class_token_path(trace, layer), key="class_token_path")
    show_section(stage, "logit-lens")
    show_formula("logit_lens", session)
    show_view(depth.logit_lens(session.model, trace, session.checkpoint.labels, layer), key="logit_lens")
    show_section(stage, "rollout")
    show_formula("attention_rollout", session)
    show_view(depth.rollout(trace, session.pixels), key="rollout")
    show_section(stage, "distance")
    show_formula("attention_distance", session)
    show_view(
        kept_view(
            ("distance", session.state.checkpoint, session.state.picture, layer, head),
            lambda: depth.attention_distance(trace, session.config, layer, head),
        ),
        key="distance",
    )


show_stage("encoder", session, pictures)
