"""The story in its order: nine stages, the equations each explains, the tensors each reads and makes."""

from dataclasses import dataclass, field
from typing import Literal

from explainer.notation.equations import EQUATIONS, FORMULAS, Equation, Formula

Source = Literal["trace", "block", "attention", "mlp", "model", "layer"]
Use = Literal["image", "token", "checkpoint"]


@dataclass(frozen=True)
class TensorRef:
    """Where a tensor is found: a field of a trace, or a parameter of the model or of one of its layers."""

    source: Source
    field: str
    symbol: str  # a key of SYMBOLS
    made: bool = False  # by this stage; otherwise the stage reads it
    index: int | None = None  # of a field that holds one tensor per layer

    @property
    def key(self) -> str:
        """The way to it: ``"block.attention.query"``, ``"layer.mlp.expand.weight"``, ``"trace.hidden_states[0]"``."""
        owner = f"block.{self.source}" if self.source in ("attention", "mlp") else self.source
        return f"{owner}.{self.field}" + ("" if self.index is None else f"[{self.index}]")


@dataclass(frozen=True)
class Page:
    """One page of the app. Its script is ``pages/<name>.py``, its text ``assets/text/<name>.md``."""

    name: str
    title: str
    icon: str  # the name of a Material symbol
    uses_layer: bool = field(default=False, kw_only=True)  # whether the chosen layer and head change what it shows
    uses: tuple[Use, ...] = field(default=("image", "token", "checkpoint"), kw_only=True)  # what its sidebar offers


@dataclass(frozen=True)
class Stage(Page):
    """One step of the story: the page that joins its equations, tensors and views."""

    equation_numbers: tuple[int, ...] = ()
    formula_names: tuple[str, ...] = ()
    tensors: tuple[TensorRef, ...] = ()  # in the order they arise
    facts: tuple[str, ...] = ()  # keys of proofs.FACTS: proved here in addition to the equations

    @property
    def about(self) -> str:
        """The equations that it explains, as its page prints them."""
        return ", ".join(f"Eq. {number}" for number in self.equation_numbers)

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The paper's equations that this stage explains."""
        return tuple(EQUATIONS[number] for number in self.equation_numbers)

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """The formulas without a number that it needs."""
        return tuple(FORMULAS[name] for name in self.formula_names)


STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "overview",
            "Overview",
            "route",
            (1, 2, 3, 4),
            (),
            (
                TensorRef("trace", "image", "x"),
                TensorRef("trace", "patch_embeddings", "x_pE", made=True),
                TensorRef("trace", "hidden_states", "z_l", made=True),
                TensorRef("trace", "attention_weights", "A", made=True),
                TensorRef("trace", "representation", "y", made=True),
                TensorRef("trace", "logits", "logits", made=True),
                TensorRef("trace", "probabilities", "p", made=True),
            ),
            uses_layer=True,
            uses=("image", "checkpoint"),
        ),
        Stage(
            "patches",
            "Patches",
            "grid_on",
            (),
            ("num_patches", "patchify", "patch_projection"),
            (
                TensorRef("trace", "image", "x"),
                TensorRef("trace", "patches", "x_p", made=True),
                TensorRef("model", "projection_matrix", "E"),
                TensorRef("model", "patch_projection.bias", "b_E"),
                TensorRef("trace", "patch_embeddings", "x_pE", made=True),
            ),
            ("patches", "patch_projection"),
        ),
        Stage(
            "embedding",
            "Embedding",
            "add_location",
            (1,),
            ("cosine_similarity",),
            (
                TensorRef("trace", "patch_embeddings", "x_pE"),
                TensorRef("model", "class_token", "x_class"),
                TensorRef("model", "position_embedding", "E_pos"),
                TensorRef("trace", "hidden_states", "z_0", made=True, index=0),
            ),
            ("cosine_similarity",),
        ),
        Stage(
            "attention",
            "Attention",
            "visibility",
            (2, 5, 6, 7, 8),
            ("layer_norm", "scores", "softmax"),
            (
                TensorRef("block", "input", "z_{l-1}"),
                TensorRef("layer", "attention_norm.weight", "gamma"),
                TensorRef("layer", "attention_norm.bias", "beta"),
                TensorRef("block", "attention_input", "LN(z_{l-1})", made=True),
                TensorRef("layer", "attention.qkv.weight", "U_qkv"),
                TensorRef("attention", "query", "q", made=True),
                TensorRef("attention", "key", "key", made=True),
                TensorRef("attention", "value", "v", made=True),
                TensorRef("attention", "scores", "S", made=True),
                TensorRef("attention", "weights", "A", made=True),
                TensorRef("attention", "head_outputs", "SA(z)", made=True),
                TensorRef("layer", "attention.projection.weight", "U_msa"),
                TensorRef("attention", "output", "MSA(z)", made=True),
                TensorRef("block", "after_attention", "z'_l", made=True),
            ),
            ("attention_norm", "scores", "softmax", "attention_sum"),
            uses_layer=True,
        ),
        Stage(
            "mlp",
            "MLP",
            "hub",
            (3,),
            ("layer_norm", "mlp", "gelu", "gelu_tanh"),
            (
                TensorRef("block", "after_attention", "z'_l"),
                TensorRef("layer", "mlp_norm.weight", "gamma"),
                TensorRef("layer", "mlp_norm.bias", "beta"),
                TensorRef("block", "mlp_input", "LN(z'_l)", made=True),
                TensorRef("layer", "mlp.expand.weight", "W_1"),
                TensorRef("layer", "mlp.expand.bias", "b_1"),
                TensorRef("mlp", "hidden", "a", made=True),
                TensorRef("mlp", "activated", "GELU(a)", made=True),
                TensorRef("layer", "mlp.contract.weight", "W_2"),
                TensorRef("layer", "mlp.contract.bias", "b_2"),
                TensorRef("mlp", "output", "MLP(z)", made=True),
                TensorRef("block", "output", "z_l", made=True),
            ),
            ("mlp_norm", "mlp_hidden", "gelu", "mlp_output", "mlp_sum"),
            uses_layer=True,
        ),
        Stage(
            "encoder",
            "Encoder",
            "layers",
            (2, 3),
            ("logit_lens", "attention_rollout", "attention_distance"),
            (
                TensorRef("trace", "hidden_states", "z_0", index=0),
                TensorRef("trace", "attention_weights", "A", made=True),
                TensorRef("trace", "hidden_states", "z_l", made=True),
                TensorRef("trace", "hidden_states", "z_L", made=True, index=-1),
            ),
            ("same_block", "logit_lens", "attention_rollout", "attention_distance"),
            uses_layer=True,
        ),
        Stage(
            "head",
            "Head",
            "label",
            (4,),
            ("layer_norm", "head", "head_pre_logits", "softmax_logits"),
            (
                TensorRef("trace", "hidden_states", "z_L", index=-1),
                TensorRef("model", "norm.weight", "gamma"),
                TensorRef("model", "norm.bias", "beta"),
                TensorRef("trace", "representation", "y", made=True),
                TensorRef("model", "head.linear.weight", "W_head"),
                TensorRef("model", "head.linear.bias", "b_head"),
                TensorRef("trace", "logits", "logits", made=True),
                TensorRef("trace", "probabilities", "p", made=True),
            ),
            ("head", "probabilities"),
            uses=("image", "checkpoint"),
        ),
        Stage("models", "Models", "table_chart", (), ("parameters",), uses=("checkpoint",)),
        Stage("glossary", "Glossary", "menu_book", (1, 2, 3, 4, 5, 6, 7, 8), uses_layer=True, uses=("checkpoint",)),
    )
}
