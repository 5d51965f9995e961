"""Who publishes ViT weights, and how each of them names and lays out the same parameters: one table per source.

In a row, ``#`` is the layer (from 0) and ``*`` stands for ``weight`` and for ``bias``. Several names are joined along
the first axis, as q, k and v are. The pattern, where there is one, takes their axes to ours (einops), and read from
right to left, ours to theirs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeVar

from vit_core.config import ViTConfig
from vit_core.positions import ResizeMethod
from vit_core.preprocess import HALF, Preprocess
from vit_core.weights import constructors

Value = TypeVar("Value")


class Row(NamedTuple):
    """One parameter: our name, their names, and how their axes become ours."""

    ours: str
    theirs: tuple[str, ...]
    pattern: str = ""

    def with_mark(self, mark: str, text: str) -> "Row":
        """The row with a mark of its names replaced."""
        return Row(self.ours.replace(mark, text), tuple(name.replace(mark, text) for name in self.theirs), self.pattern)


@dataclass(frozen=True, kw_only=True)
class WeightSource:
    """One publisher's layout, and what its files leave unsaid."""

    title: str
    short_title: str  # over a column of a table
    signature: str  # a name of its files that no other source's files have
    rows: tuple[Row, ...]
    spellings: tuple[tuple[str, str], ...] = ()  # other names for the same parameter: (regular expression, the row's)
    unused: tuple[str, ...] = ()  # what the publisher's own model leaves out of its logits too
    absent: tuple[tuple[str, Literal["zeros", "identity"]], ...] = ()  # ours that they may lack, and what it is then
    norm_eps: float
    gelu: Literal["none", "tanh"]
    resize: ResizeMethod  # the publisher's own way to another grid
    preprocess: Preprocess  # at 224 pixels, for a file that does not say
    has_folder: bool = False  # whether config.json and preprocessor_config.json lie beside its files
    expects: tuple[tuple[str, str], ...] = ()  # what else its numbers depend on and no file tells, and what is usual
    formats: tuple[str, ...] = (".safetensors", ".pth")  # that it is written as
    constructor: Callable[[ViTConfig], str]  # of its own model, as a line of Python
    takes_epsilon: bool = False  # whether its constructor takes that of LayerNorm
    takes_gelu: bool = False  # and the GELU
    hidden_layer_caveat: str = ""  # of a head with a hidden layer
    how_to_load: str = ""  # where load_state_dict of its model is not it

    def usual(self, name: str) -> str:
        """The table's spelling of a name."""
        for spelling, usual in self.spellings:
            name = re.sub(spelling, usual, name)
        return name


def _same(*names: str) -> tuple[Row, ...]:
    return tuple(Row(name, (name,)) for name in names)


def _rows(*pairs: tuple[str, str]) -> tuple[Row, ...]:
    return tuple(Row(ours, (theirs,)) for ours, theirs in pairs)


OURS = WeightSource(
    title="this project",
    short_title="ours",
    signature="patch_projection.weight",
    rows=_same(
        "class_token",
        "position_embedding",
        "patch_projection.*",
        "blocks.#.attention_norm.*",
        "blocks.#.attention.qkv.*",
        "blocks.#.attention.projection.*",
        "blocks.#.mlp_norm.*",
        "blocks.#.mlp.expand.*",
        "blocks.#.mlp.contract.*",
        "norm.*",
        "head.pre_logits.*",
        "head.linear.*",
    ),
    norm_eps=1e-6,
    gelu="none",
    resize="bicubic",
    preprocess=Preprocess(),
    constructor=constructors.ours,
    takes_epsilon=True,
    takes_gelu=True,
)

TORCHVISION = WeightSource(
    title="torchvision",
    short_title="torchvision",
    signature="conv_proj.weight",
    rows=(
        Row("class_token", ("class_token",), "1 one d -> one d"),
        Row("position_embedding", ("encoder.pos_embedding",), "1 t d -> t d"),
        *_rows(
            ("patch_projection.*", "conv_proj.*"),
            ("blocks.#.attention_norm.*", "encoder.layers.encoder_layer_#.ln_1.*"),
            ("blocks.#.attention.qkv.*", "encoder.layers.encoder_layer_#.self_attention.in_proj_*"),
            ("blocks.#.attention.projection.*", "encoder.layers.encoder_layer_#.self_attention.out_proj.*"),
            ("blocks.#.mlp_norm.*", "encoder.layers.encoder_layer_#.ln_2.*"),
            ("blocks.#.mlp.expand.*", "encoder.layers.encoder_layer_#.mlp.0.*"),
            ("blocks.#.mlp.contract.*", "encoder.layers.encoder_layer_#.mlp.3.*"),
            ("norm.*", "encoder.ln.*"),
            ("head.pre_logits.*", "heads.pre_logits.*"),
            ("head.linear.*", "heads.head.*"),
        ),
    ),
    spellings=(
        # The published files are older than today's names of the MLP.
        (r"\.mlp\.linear_1\.", ".mlp.0."),
        (r"\.mlp\.linear_2\.", ".mlp.3."),
        # ``model.heads = nn.Linear(...)``, as the course replaces it, or a Sequential of a dropout and that.
        (r"^heads\.(?:\d\.)?(weight|bias)$", r"heads.head.\1"),
    ),
    norm_eps=1e-6,
    gelu="none",
    resize="bicubic",
    preprocess=Preprocess(),
    constructor=constructors.torchvision,
    takes_epsilon=True,
)

TIMM = WeightSource(
    title="timm",
    short_title="timm",
    signature="patch_embed.proj.weight",
    rows=(
        Row("class_token", ("cls_token",), "1 one d -> one d"),
        Row("position_embedding", ("pos_embed",), "1 t d -> t d"),
        *_rows(
            ("patch_projection.*", "patch_embed.proj.*"),
            ("blocks.#.attention_norm.*", "blocks.#.norm1.*"),
            ("blocks.#.attention.qkv.*", "blocks.#.attn.qkv.*"),
            ("blocks.#.attention.projection.*", "blocks.#.attn.proj.*"),
            ("blocks.#.mlp_norm.*", "blocks.#.norm2.*"),
            ("blocks.#.mlp.expand.*", "blocks.#.mlp.fc1.*"),
            ("blocks.#.mlp.contract.*", "blocks.#.mlp.fc2.*"),
            ("norm.*", "norm.*"),
            ("head.pre_logits.*", "pre_logits.fc.*"),
            ("head.linear.*", "head.*"),
        ),
    ),
    norm_eps=1e-6,
    gelu="none",
    resize="bicubic-antialias",
    preprocess=Preprocess(resize_size=248, mean=HALF, std=HALF, interpolation="bicubic"),
    constructor=constructors.timm,
    takes_epsilon=True,
    takes_gelu=True,
    hidden_layer_caveat="its models have had no hidden layer in the head since version 0.6",
)

_HF = "vit.encoder.layer.#."
HUGGINGFACE = WeightSource(
    title="Hugging Face",
    short_title="Hugging Face",
    signature="vit.embeddings.patch_embeddings.projection.weight",
    rows=(
        Row("class_token", ("vit.embeddings.cls_token",), "1 one d -> one d"),
        Row("position_embedding", ("vit.embeddings.position_embeddings",), "1 t d -> t d"),
        Row("blocks.#.attention.qkv.*", tuple(f"{_HF}attention.attention.{n}.*" for n in ("query", "key", "value"))),
        *_rows(
            ("patch_projection.*", "vit.embeddings.patch_embeddings.projection.*"),
            ("blocks.#.attention_norm.*", _HF + "layernorm_before.*"),
            ("blocks.#.attention.projection.*", _HF + "attention.output.dense.*"),
            ("blocks.#.mlp_norm.*", _HF + "layernorm_after.*"),
            ("blocks.#.mlp.expand.*", _HF + "intermediate.dense.*"),
            ("blocks.#.mlp.contract.*", _HF + "output.dense.*"),
            ("norm.*", "vit.layernorm.*"),
            ("head.linear.*", "classifier.*"),
        ),
    ),
    # What state_dict() says since transformers 5; its saved files keep the names of version 4.
    spellings=(
        (r"^vit\.layers\.", "vit.encoder.layer."),
        (r"\.attention\.q_proj\.", ".attention.attention.query."),
        (r"\.attention\.k_proj\.", ".attention.attention.key."),
        (r"\.attention\.v_proj\.", ".attention.attention.value."),
        (r"\.attention\.o_proj\.", ".attention.output.dense."),
        (r"\.mlp\.fc1\.", ".intermediate.dense."),
        (r"\.mlp\.fc2\.", ".output.dense."),
    ),
    unused=("vit.pooler.dense.weight", "vit.pooler.dense.bias"),
    norm_eps=1e-12,
    gelu="none",
    resize="bicubic-half-pixel",
    preprocess=Preprocess(resize_size=224, mean=HALF, std=HALF, keep_aspect=False),
    constructor=constructors.huggingface,
    takes_epsilon=True,
    takes_gelu=True,
    has_folder=True,
    how_to_load="Its names are those of saved files, which from_pretrained of every version of transformers reads; "
    "load_state_dict of transformers 5 expects others. So put the file into a folder as model.safetensors "
    "(a .pth as pytorch_model.bin), write config.json there with model.config.save_pretrained(FOLDER), and call "
    "transformers.ViTForImageClassification.from_pretrained(FOLDER).",
)

_COURSE = "transformer_encoder.#."
COURSE = WeightSource(
    title="the course (Learn PyTorch, chapter 08)",
    short_title="the course's ViT",
    signature="patch_embedding.patcher.weight",
    rows=(
        Row("class_token", ("class_embedding",), "1 one d -> one d"),
        Row("position_embedding", ("position_embedding",), "1 t d -> t d"),
        *_rows(
            ("patch_projection.*", "patch_embedding.patcher.*"),
            ("blocks.#.attention_norm.*", _COURSE + "msa_block.layer_norm.*"),
            ("blocks.#.attention.qkv.*", _COURSE + "msa_block.multihead_attn.in_proj_*"),
            ("blocks.#.attention.projection.*", _COURSE + "msa_block.multihead_attn.out_proj.*"),
            ("blocks.#.mlp_norm.*", _COURSE + "mlp_block.layer_norm.*"),
            ("blocks.#.mlp.expand.*", _COURSE + "mlp_block.mlp.0.*"),
            ("blocks.#.mlp.contract.*", _COURSE + "mlp_block.mlp.3.*"),
            ("norm.*", "classifier.0.*"),  # the LayerNorm of Eq. 4 is the first layer of its classifier
            ("head.linear.*", "classifier.1.*"),
        ),
    ),
    # Its first exercise builds the same of nn.TransformerEncoderLayer.
    spellings=(
        (r"^transformer_encoder\.layers\.", "transformer_encoder."),
        (r"^(transformer_encoder\.\d+\.)self_attn\.", r"\1msa_block.multihead_attn."),
        (r"^(transformer_encoder\.\d+\.)norm1\.", r"\1msa_block.layer_norm."),
        (r"^(transformer_encoder\.\d+\.)norm2\.", r"\1mlp_block.layer_norm."),
        (r"^(transformer_encoder\.\d+\.)linear1\.", r"\1mlp_block.mlp.0."),
        (r"^(transformer_encoder\.\d+\.)linear2\.", r"\1mlp_block.mlp.3."),
    ),
    norm_eps=1e-5,  # nn.LayerNorm's default
    gelu="none",
    resize="bicubic",  # it has no way of its own
    preprocess=Preprocess(resize_size=224, mean=(0.0,) * 3, std=(1.0,) * 3, keep_aspect=False),  # Resize and ToTensor
    constructor=constructors.course,
    expects=(("The activation of its MLP", "GELU; PyTorch's own encoder layer has ReLU unless this is set"),),
)

_LUCIDRAINS = "transformer.layers.#."
LUCIDRAINS = WeightSource(
    title="vit-pytorch (lucidrains)",
    short_title="vit-pytorch",
    signature="to_patch_embedding.1.weight",
    rows=(
        Row("class_token", ("cls_token",), "1 one d -> one d"),
        Row("position_embedding", ("pos_embedding",), "1 t d -> t d"),
        Row("patch_projection.weight", ("to_patch_embedding.1.weight",), "d (p1 p2 c) -> d c p1 p2"),
        Row("patch_projection.bias", ("to_patch_embedding.1.bias",)),
        Row("blocks.#.attention.qkv.weight", (_LUCIDRAINS + "0.fn.to_qkv.weight",)),
        *_rows(
            ("blocks.#.attention_norm.*", _LUCIDRAINS + "0.norm.*"),
            ("blocks.#.attention.projection.*", _LUCIDRAINS + "0.fn.to_out.0.*"),
            ("blocks.#.mlp_norm.*", _LUCIDRAINS + "1.norm.*"),
            ("blocks.#.mlp.expand.*", _LUCIDRAINS + "1.fn.net.0.*"),
            ("blocks.#.mlp.contract.*", _LUCIDRAINS + "1.fn.net.3.*"),
            ("norm.*", "mlp_head.0.*"),
            ("head.linear.*", "mlp_head.1.*"),
        ),
    ),
    # The rows are its names of the time when it had no LayerNorm next to the patch projection; later the LayerNorms
    # moved into the modules, and the last one from the head to the end of the encoder.
    spellings=(
        (r"^(transformer\.layers\.\d+\.0\.)(to_qkv|to_out)\.", r"\1fn.\2."),
        (r"^(transformer\.layers\.\d+\.1\.)net\.0\.", r"\1norm."),
        (r"^(transformer\.layers\.\d+\.1\.)net\.1\.", r"\1fn.net.0."),
        (r"^(transformer\.layers\.\d+\.1\.)net\.4\.", r"\1fn.net.3."),
        (r"^mlp_head\.(weight|bias)$", r"mlp_head.1.\1"),
        (r"^transformer\.norm\.", "mlp_head.0."),
    ),
    absent=(
        ("blocks.#.attention.qkv.bias", "zeros"),  # its q, k, v are linear maps without
        ("blocks.#.attention.projection.weight", "identity"),  # left out for a single head as wide as D
        ("blocks.#.attention.projection.bias", "zeros"),
    ),
    norm_eps=1e-5,
    gelu="none",
    resize="bicubic",  # it has no way of its own
    preprocess=Preprocess(resize_size=224, mean=(0.0,) * 3, std=(1.0,) * 3, keep_aspect=False),  # as in its example
    constructor=constructors.lucidrains,
    expects=(("What the head reads", "the class token (pool='cls'); its code can also average all"),),
)

_BLOCK = "Transformer/encoderblock_#/"
_ATTENTION, _MLP = _BLOCK + "MultiHeadDotProductAttention_0/", _BLOCK + "MlpBlock_0/"
_QKV = ("query", "key", "value")
GOOGLE = WeightSource(
    title="Google (vit_jax)",
    short_title="Google (.npz)",
    signature="embedding/kernel",
    rows=(
        Row("class_token", ("cls",), "1 one d -> one d"),
        Row("position_embedding", ("Transformer/posembed_input/pos_embedding",), "1 t d -> t d"),
        Row("patch_projection.weight", ("embedding/kernel",), "p1 p2 c d -> d c p1 p2"),
        Row("patch_projection.bias", ("embedding/bias",)),
        Row("blocks.#.attention_norm.weight", (_BLOCK + "LayerNorm_0/scale",)),
        Row("blocks.#.attention_norm.bias", (_BLOCK + "LayerNorm_0/bias",)),
        Row("blocks.#.attention.qkv.weight", tuple(f"{_ATTENTION}{n}/kernel" for n in _QKV), "d h e -> (h e) d"),
        Row("blocks.#.attention.qkv.bias", tuple(f"{_ATTENTION}{n}/bias" for n in _QKV), "h e -> (h e)"),
        Row("blocks.#.attention.projection.weight", (_ATTENTION + "out/kernel",), "h e d -> d (h e)"),
        Row("blocks.#.attention.projection.bias", (_ATTENTION + "out/bias",)),
        Row("blocks.#.mlp_norm.weight", (_BLOCK + "LayerNorm_1/scale",)),
        Row("blocks.#.mlp_norm.bias", (_BLOCK + "LayerNorm_1/bias",)),
        Row("blocks.#.mlp.expand.weight", (_MLP + "Dense_0/kernel",), "d m -> m d"),
        Row("blocks.#.mlp.expand.bias", (_MLP + "Dense_0/bias",)),
        Row("blocks.#.mlp.contract.weight", (_MLP + "Dense_1/kernel",), "m d -> d m"),
        Row("blocks.#.mlp.contract.bias", (_MLP + "Dense_1/bias",)),
        Row("norm.weight", ("Transformer/encoder_norm/scale",)),
        Row("norm.bias", ("Transformer/encoder_norm/bias",)),
        Row("head.pre_logits.weight", ("pre_logits/kernel",), "d r -> r d"),
        Row("head.pre_logits.bias", ("pre_logits/bias",)),
        Row("head.linear.weight", ("head/kernel",), "d k -> k d"),
        Row("head.linear.bias", ("head/bias",)),
    ),
    # The released files number all modules of a block together; today's code numbers each kind by itself.
    spellings=(
        (r"/MultiHeadDotProductAttention_1/", "/MultiHeadDotProductAttention_0/"),
        (r"/LayerNorm_2/", "/LayerNorm_1/"),
        (r"/MlpBlock_3/", "/MlpBlock_0/"),
    ),
    norm_eps=1e-6,
    gelu="tanh",  # jax.nn.gelu is the tanh approximation by default
    resize="bilinear",
    preprocess=Preprocess(
        resize_size=224, mean=HALF, std=HALF, interpolation="bilinear-no-antialias", keep_aspect=False
    ),
    constructor=constructors.google,
    formats=(".npz",),
)

SOURCES: Mapping[str, WeightSource] = MappingProxyType(
    {
        "ours": OURS,
        "torchvision": TORCHVISION,
        "timm": TIMM,
        "huggingface": HUGGINGFACE,
        "google": GOOGLE,
        "course": COURSE,
        "lucidrains": LUCIDRAINS,
    }
)


def respell(state: Mapping[str, Value], source: WeightSource) -> dict[str, Value]:
    """``state`` with every other spelling of a name replaced by that of the source's table.

    Raises:
        ValueError: if two names turn out to be spellings of one.
    """
    respelled: dict[str, Value] = {}
    origins: dict[str, str] = {}
    for key, value in state.items():
        name = source.usual(key)
        if name in respelled:
            raise ValueError(
                f"{origins[name]} and {key} both stand for {name} of {source.title}: expected one layer there, not two"
            )
        respelled[name], origins[name] = value, key
    return respelled
