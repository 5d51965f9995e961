"""Eq. 2 and Appendix A: every step from z to what attention adds to it."""

from explainer.app.blocks import show_equation, show_formula, show_section, show_stage, show_view
from explainer.app.session import current
from explainer.notation.equations import EQUATIONS
from explainer.stages import Stage
from explainer.views import attention, layer_norm, residual, self_attention

session = current()
block, head, token, pixels = session.block, session.head, session.token, session.pixels


def pictures(stage: Stage) -> None:
    """A under the pointer, then its making: LayerNorm, q k v, the scores in three steps, A v, U_msa, the sum."""
    show_section(stage, "looks")
    show_view("looks", lambda: attention.looks(session.trace.attention_weights, session.layer, head, token, pixels))
    norm = session.model.block(session.layer).attention_norm
    show_section(stage, "layer-norm")
    show_formula("layer_norm")
    show_view(
        "attention_norm",
        lambda: layer_norm.of_token(block.input, block.attention_input, norm.weight, norm.bias, norm.eps, token),
    )
    show_section(stage, "qkv")
    show_equation(EQUATIONS[5])
    show_view("qkv", lambda: self_attention.query_key_value(block.attention, head, token))
    show_section(stage, "scores")
    show_equation(EQUATIONS[6])
    show_formula("scores")
    show_formula("softmax")
    show_view("scores", lambda: self_attention.score_steps(block.attention, head, token))
    show_section(stage, "output")
    show_equation(EQUATIONS[7])
    show_view("head_output", lambda: self_attention.head_output(block.attention, head, token))
    show_section(stage, "joined")
    show_equation(EQUATIONS[8])
    show_view("joined", lambda: self_attention.joined(block.attention, head, token))
    show_section(stage, "residual")
    show_view(
        "attention_residual",
        lambda: residual.norms(
            block.input, block.attention.output, block.after_attention, token, "attention", session.layer, pixels
        ),
    )


show_stage("attention", session, pictures, leading=(2,))
