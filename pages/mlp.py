"""Eq. 3: every token alone, from D to the MLP size and back."""

from explainer.app.blocks import show_formula, show_section, show_stage, show_view
from explainer.app.session import current
from explainer.stages import Stage
from explainer.views import layer_norm, mlp, residual

session = current()
block, token, pixels = session.block, session.token, session.pixels


def pictures(stage: Stage) -> None:
    """LayerNorm, the activations, the GELU, the strongest units, the sum."""
    norm = session.model.block(session.layer).mlp_norm
    show_section(stage, "layer-norm")
    show_formula("layer_norm")
    show_view(
        "mlp_norm",
        lambda: layer_norm.of_token(
            block.after_attention, block.mlp_input, norm.weight, norm.bias, norm.eps, token, "block.after_attention"
        ),
    )
    show_section(stage, "activations")
    show_formula("mlp")
    show_view("activations", lambda: mlp.activations(block, token))
    show_section(stage, "gelu")
    show_formula("gelu" if session.config.gelu == "none" else "gelu_tanh")
    show_view(
        "gelu", lambda: mlp.gelu_curve(block.mlp.hidden[token], block.mlp.activated[token], session.config.gelu, token)
    )
    show_section(stage, "neurons")
    show_view("neurons", lambda: mlp.strongest_neurons(block.mlp.activated, token, pixels))
    show_section(stage, "residual")
    show_view(
        "mlp_residual",
        lambda: residual.norms(
            block.after_attention, block.mlp.output, block.output, token, "mlp", session.layer, pixels
        ),
    )


show_stage("mlp", session, pictures)
