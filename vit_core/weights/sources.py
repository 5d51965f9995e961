"""Who publishes ViT weights, and how each of them names and lays out the same parameters: one table per source."""

from collections.abc import Mapping
from types import MappingProxyType

from vit_core.preprocess import HALF, Preprocess
from vit_core.weights.weight_source import Row, WeightSource


def _tokens(class_token: str, position_embedding: str) -> tuple[Row, Row]:
    """Both with an axis for the batch."""
    return (
        Row("class_token", (class_token,), "1 one d -> one d"),
        Row("position_embedding", (position_embedding,), "1 t d -> t d"),
    )


def _rows(*pairs: tuple[str, str]) -> tuple[Row, ...]:
    return tuple(Row(ours, (theirs,)) for ours, theirs in pairs)


def _dense(ours: str, theirs: str, pattern: str) -> tuple[Row, Row]:
    """A dense layer or convolution of Flax."""
    return Row(f"{ours}.weight", (f"{theirs}/kernel",), pattern), Row(f"{ours}.bias", (f"{theirs}/bias",))


def _norm(ours: str, theirs: str) -> tuple[Row, ...]:
    """A LayerNorm of Flax."""
    return _rows((f"{ours}.weight", f"{theirs}/scale"), (f"{ours}.bias", f"{theirs}/bias"))


TORCHVISION = WeightSource(
    title="torchvision",
    short_title="torchvision",
    signature="conv_proj.weight",
    rows=(
        *_tokens("class_token", "encoder.pos_embedding"),
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
    preprocess=Preprocess(),
    constructor="torchvision.models.VisionTransformer({image_size}, {patch_size}, {num_layers}, {num_heads}, "
    "{hidden_size}, {mlp_size}, num_classes={num_classes}{representation}{norm_layer})",
)

OURS = WeightSource(
    title="this project",
    short_title="ours",
    signature="patch_projection.weight",
    rows=tuple(Row(row.ours, (row.ours,)) for row in TORCHVISION.rows),
    norm_eps=1e-6,
    preprocess=Preprocess(),
    constructor="vit_core.load(FILE, num_heads={num_heads}, norm_eps={norm_eps:g}, gelu={gelu!r})",
)

TIMM = WeightSource(
    title="timm",
    short_title="timm",
    signature="patch_embed.proj.weight",
    rows=(
        *_tokens("cls_token", "pos_embed"),
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
    resize="bicubic-antialias",
    preprocess=Preprocess(resize_size=248, mean=HALF, std=HALF, interpolation="bicubic"),
    constructor="timm.models.VisionTransformer(img_size={image_size}, patch_size={patch_size}, "
    "embed_dim={hidden_size}, depth={num_layers}, num_heads={num_heads}, mlp_ratio={mlp_ratio!r}, "
    "num_classes={num_classes}{norm_layer}{gelu_argument})",
    tanh_argument=", act_layer=partial(torch.nn.GELU, approximate='tanh')",
    hidden_layer_caveat="its models have had no hidden layer in the head since version 0.6",
)

_HF = "vit.encoder.layer.#."
HUGGINGFACE = WeightSource(
    title="Hugging Face",
    short_title="Hugging Face",
    signature="vit.embeddings.patch_embeddings.projection.weight",
    rows=(
        *_tokens("vit.embeddings.cls_token", "vit.embeddings.position_embeddings"),
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
    resize="bicubic-half-pixel",
    preprocess=Preprocess(resize_size=224, mean=HALF, std=HALF, keep_aspect=False),
    constructor="transformers.ViTForImageClassification(transformers.ViTConfig(image_size={image_size}, "
    "patch_size={patch_size}, hidden_size={hidden_size}, num_hidden_layers={num_layers}, "
    "num_attention_heads={num_heads}, intermediate_size={mlp_size}, num_labels={num_classes}, "
    "layer_norm_eps={norm_eps:g}{gelu_argument}))",
    tanh_argument=", hidden_act='gelu_pytorch_tanh'",
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
        *_tokens("class_embedding", "position_embedding"),
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
    preprocess=Preprocess(resize_size=224, mean=(0.0,) * 3, std=(1.0,) * 3, keep_aspect=False),  # Resize and ToTensor
    constructor="ViT(img_size={image_size}, patch_size={patch_size}, num_transformer_layers={num_layers}, "
    "embedding_dim={hidden_size}, mlp_size={mlp_size}, num_heads={num_heads}, num_classes={num_classes})",
    expects=(("The activation of its MLP", "GELU; PyTorch's own encoder layer has ReLU unless this is set"),),
)

_LUCIDRAINS = "transformer.layers.#."
LUCIDRAINS = WeightSource(
    title="vit-pytorch (lucidrains)",
    short_title="vit-pytorch",
    signature="to_patch_embedding.1.weight",
    rows=(
        *_tokens("cls_token", "pos_embedding"),
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
    preprocess=Preprocess(resize_size=224, mean=(0.0,) * 3, std=(1.0,) * 3, keep_aspect=False),  # as in its example
    constructor="ViT(image_size={image_size}, patch_size={patch_size}, num_classes={num_classes}, dim={hidden_size}, "
    "depth={num_layers}, heads={num_heads}, dim_head={head_size}, mlp_dim={mlp_size})",
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
        *_tokens("cls", "Transformer/posembed_input/pos_embedding"),
        *_dense("patch_projection", "embedding", "p1 p2 c d -> d c p1 p2"),
        *_norm("blocks.#.attention_norm", _BLOCK + "LayerNorm_0"),
        Row("blocks.#.attention.qkv.weight", tuple(f"{_ATTENTION}{n}/kernel" for n in _QKV), "d h e -> (h e) d"),
        Row("blocks.#.attention.qkv.bias", tuple(f"{_ATTENTION}{n}/bias" for n in _QKV), "h e -> (h e)"),
        *_dense("blocks.#.attention.projection", _ATTENTION + "out", "h e d -> d (h e)"),
        *_norm("blocks.#.mlp_norm", _BLOCK + "LayerNorm_1"),
        *_dense("blocks.#.mlp.expand", _MLP + "Dense_0", "d m -> m d"),
        *_dense("blocks.#.mlp.contract", _MLP + "Dense_1", "m d -> d m"),
        *_norm("norm", "Transformer/encoder_norm"),
        *_dense("head.pre_logits", "pre_logits", "d r -> r d"),
        *_dense("head.linear", "head", "d k -> k d"),
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
    constructor="vit_jax.models.VisionTransformer(num_classes={num_classes}, hidden_size={hidden_size}, "
    "patches=ConfigDict({{'size': ({patch_size}, {patch_size})}}), transformer=dict(num_layers={num_layers}, "
    "num_heads={num_heads}, mlp_dim={mlp_size}))",
    formats=(".npz",),
)

SOURCES: Mapping[str, WeightSource] = MappingProxyType(
    dict(ours=OURS, torchvision=TORCHVISION, timm=TIMM, huggingface=HUGGINGFACE, google=GOOGLE)
    | dict(course=COURSE, lucidrains=LUCIDRAINS)
)
