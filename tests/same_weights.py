"""One set of random weights in the models and files of all families, put there module by module, without our tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import ViTConfig as HuggingFaceConfig
from transformers import ViTForImageClassification

from tests.course_vit import CourseViT, LucidrainsLikeViT


@dataclass
class Sizes:
    image: int = 32
    patch: int = 8
    layers: int = 3
    hidden: int = 48
    mlp: int = 96
    heads: int = 3
    classes: int = 7


@dataclass
class Weights:
    """Every number of a plain ViT, in PyTorch's layout: [outputs, inputs]."""

    sizes: Sizes = field(default_factory=Sizes)
    qkv_bias: bool = True

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(11)
        s = self.sizes

        def dense(outputs: int, *inputs: int) -> Tensor:
            shape = (outputs, *inputs)
            return torch.randn(shape, generator=generator) * int(np.prod(inputs)) ** -0.5

        def vector(size: int, around: float = 0.0) -> Tensor:
            return around + 0.3 * torch.randn(size, generator=generator)

        d = s.hidden
        self.patch, self.patch_bias = dense(d, 3, s.patch, s.patch), vector(d)
        self.cls, self.positions = vector(d), 0.3 * torch.randn((s.image // s.patch) ** 2 + 1, d, generator=generator)
        self.layers = [
            {
                "norm1": (vector(d, 1.0), vector(d)),
                "qkv": (dense(3 * d, d), vector(3 * d) * self.qkv_bias),
                "out": (dense(d, d), vector(d)),
                "norm2": (vector(d, 1.0), vector(d)),
                "fc1": (dense(s.mlp, d), vector(s.mlp)),
                "fc2": (dense(d, s.mlp), vector(d)),
            }
            for _ in range(s.layers)
        ]
        self.norm, self.head = (vector(d, 1.0), vector(d)), (dense(s.classes, d), vector(s.classes))


def put(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    """Fill a module; its shapes must be these."""
    with torch.no_grad():
        assert module.weight.shape == weight.shape
        module.weight.copy_(weight)
        if module.bias is not None:
            assert bias is not None and module.bias.shape == bias.shape
            module.bias.copy_(bias)


def put_parameter(parameter: Any, value: Tensor) -> None:
    with torch.no_grad():
        parameter.copy_(value.reshape(parameter.shape))


def torchvision_model(w: Weights) -> nn.Module:
    s = w.sizes
    model = torchvision.models.VisionTransformer(
        s.image, s.patch, s.layers, s.heads, s.hidden, s.mlp, num_classes=s.classes
    )
    put(model.conv_proj, w.patch, w.patch_bias)
    put_parameter(model.class_token, w.cls)
    put_parameter(model.encoder.pos_embedding, w.positions)
    for block, layer in zip(model.encoder.layers, w.layers, strict=True):
        put(block.ln_1, *layer["norm1"])
        put_parameter(block.self_attention.in_proj_weight, layer["qkv"][0])
        put_parameter(block.self_attention.in_proj_bias, layer["qkv"][1])
        put(block.self_attention.out_proj, *layer["out"])
        put(block.ln_2, *layer["norm2"])
        put(block.mlp[0], *layer["fc1"])
        put(block.mlp[3], *layer["fc2"])
    put(model.encoder.ln, *w.norm)
    put(model.heads.head, *w.head)
    return model.eval()


def timm_model(w: Weights) -> nn.Module:
    s = w.sizes
    model = timm.models.VisionTransformer(
        img_size=s.image,
        patch_size=s.patch,
        embed_dim=s.hidden,
        depth=s.layers,
        num_heads=s.heads,
        mlp_ratio=s.mlp / s.hidden,
        num_classes=s.classes,
    )
    put(model.patch_embed.proj, w.patch, w.patch_bias)
    put_parameter(model.cls_token, w.cls)
    put_parameter(model.pos_embed, w.positions)
    for block, layer in zip(model.blocks, w.layers, strict=True):
        put(block.norm1, *layer["norm1"])
        put(block.attn.qkv, *layer["qkv"])
        put(block.attn.proj, *layer["out"])
        put(block.norm2, *layer["norm2"])
        put(block.mlp.fc1, *layer["fc1"])
        put(block.mlp.fc2, *layer["fc2"])
    put(model.norm, *w.norm)
    put(model.head, *w.head)
    return model.eval()


def huggingface_model(w: Weights) -> nn.Module:
    s = w.sizes
    config = HuggingFaceConfig(
        image_size=s.image,
        patch_size=s.patch,
        hidden_size=s.hidden,
        num_hidden_layers=s.layers,
        num_attention_heads=s.heads,
        intermediate_size=s.mlp,
        num_labels=s.classes,
    )
    model = ViTForImageClassification(config)
    put(model.vit.embeddings.patch_embeddings.projection, w.patch, w.patch_bias)
    put_parameter(model.vit.embeddings.cls_token, w.cls)
    put_parameter(model.vit.embeddings.position_embeddings, w.positions)
    for block, layer in zip(model.vit.layers, w.layers, strict=True):
        put(block.layernorm_before, *layer["norm1"])
        attention = block.attention
        parts = zip(layer["qkv"][0].chunk(3), layer["qkv"][1].chunk(3), strict=True)
        for linear, (weight, bias) in zip((attention.q_proj, attention.k_proj, attention.v_proj), parts, strict=True):
            put(linear, weight, bias)
        put(attention.o_proj, *layer["out"])
        put(block.layernorm_after, *layer["norm2"])
        put(block.mlp.fc1, *layer["fc1"])
        put(block.mlp.fc2, *layer["fc2"])
    put(model.vit.layernorm, *w.norm)
    put(model.classifier, *w.head)
    return model.eval()


def course_model(w: Weights, with_torchs_layers: bool = False) -> nn.Module:
    s = w.sizes
    model = CourseViT(
        img_size=s.image,
        patch_size=s.patch,
        num_transformer_layers=s.layers,
        embedding_dim=s.hidden,
        mlp_size=s.mlp,
        num_heads=s.heads,
        num_classes=s.classes,
        with_torchs_layers=with_torchs_layers,
    )
    put(model.patch_embedding.patcher, w.patch, w.patch_bias)
    put_parameter(model.class_embedding, w.cls)
    put_parameter(model.position_embedding, w.positions)
    blocks: Any = model.transformer_encoder.layers if with_torchs_layers else model.transformer_encoder
    for block, layer in zip(blocks, w.layers, strict=True):
        if with_torchs_layers:
            norms, attention, dense = (block.norm1, block.norm2), block.self_attn, (block.linear1, block.linear2)
        else:
            norms = (block.msa_block.layer_norm, block.mlp_block.layer_norm)
            attention, dense = block.msa_block.multihead_attn, (block.mlp_block.mlp[0], block.mlp_block.mlp[3])
        put(norms[0], *layer["norm1"])
        put(norms[1], *layer["norm2"])
        put_parameter(attention.in_proj_weight, layer["qkv"][0])
        put_parameter(attention.in_proj_bias, layer["qkv"][1])
        put(attention.out_proj, *layer["out"])
        put(dense[0], *layer["fc1"])
        put(dense[1], *layer["fc2"])
    put(model.classifier[0], *w.norm)
    put(model.classifier[1], *w.head)
    return model.eval()


def lucidrains_model(w: Weights, later: bool = False) -> nn.Module:
    """Its q, k, v have no bias: ``w`` must have zeros there."""
    s = w.sizes
    model = LucidrainsLikeViT(
        image_size=s.image,
        patch_size=s.patch,
        num_classes=s.classes,
        dim=s.hidden,
        depth=s.layers,
        heads=s.heads,
        mlp_dim=s.mlp,
        dim_head=s.hidden // s.heads,
        later=later,
    )
    put(model.to_patch_embedding[1], w.patch.permute(0, 2, 3, 1).flatten(1), w.patch_bias)  # row, column, channel
    put_parameter(model.cls_token, w.cls)
    put_parameter(model.pos_embedding, w.positions)
    for pair, layer in zip(model.transformer.layers, w.layers, strict=True):
        attention, mlp = (pair[0], pair[1]) if later else (pair[0].fn, pair[1].fn)
        put(pair[0].norm, *layer["norm1"])
        put(mlp.net[0] if later else pair[1].norm, *layer["norm2"])
        assert not layer["qkv"][1].any()
        put(attention.to_qkv, layer["qkv"][0], None)
        put(attention.to_out[0], *layer["out"])
        put(mlp.net[1 if later else 0], *layer["fc1"])
        put(mlp.net[4 if later else 3], *layer["fc2"])
    put(model.transformer.norm if later else model.mlp_head[0], *w.norm)
    put(model.mlp_head if later else model.mlp_head[1], *w.head)
    return model.eval()


def google_arrays(w: Weights) -> dict[str, np.ndarray[Any, Any]]:
    """The layout of the released files: kernels are [inputs, outputs], heads are axes."""
    s = w.sizes
    split = (s.heads, s.hidden // s.heads)
    arrays = {
        "cls": w.cls.reshape(1, 1, -1),
        "embedding/kernel": w.patch.permute(2, 3, 1, 0),
        "embedding/bias": w.patch_bias,
        "Transformer/posembed_input/pos_embedding": w.positions[None],
        "Transformer/encoder_norm/scale": w.norm[0],
        "Transformer/encoder_norm/bias": w.norm[1],
        "head/kernel": w.head[0].T,
        "head/bias": w.head[1],
    }
    for number, layer in enumerate(w.layers):
        block = f"Transformer/encoderblock_{number}"
        for name, key in (("LayerNorm_0", "norm1"), ("LayerNorm_2", "norm2")):
            arrays[f"{block}/{name}/scale"], arrays[f"{block}/{name}/bias"] = layer[key]
        attention = f"{block}/MultiHeadDotProductAttention_1"
        for name, weight, bias in zip(
            ("query", "key", "value"), layer["qkv"][0].chunk(3), layer["qkv"][1].chunk(3), strict=True
        ):
            arrays[f"{attention}/{name}/kernel"] = weight.T.reshape(-1, *split)
            arrays[f"{attention}/{name}/bias"] = bias.reshape(split)
        arrays[f"{attention}/out/kernel"] = layer["out"][0].T.reshape(*split, -1)
        arrays[f"{attention}/out/bias"] = layer["out"][1]
        for name, key in (("Dense_0", "fc1"), ("Dense_1", "fc2")):
            arrays[f"{block}/MlpBlock_3/{name}/kernel"] = layer[key][0].T
            arrays[f"{block}/MlpBlock_3/{name}/bias"] = layer[key][1]
    return {name: array.numpy() for name, array in arrays.items()}


MODELS: dict[str, Callable[[Weights], nn.Module]] = {
    "torchvision": torchvision_model,
    "timm": timm_model,
    "huggingface": huggingface_model,
    "course": course_model,
    "lucidrains": lucidrains_model,
}


def save(source: str, w: Weights, folder: Path) -> Path:
    """The file as the family's own users save it."""
    if source == "google":
        np.savez(path := folder / "google.npz", **google_arrays(w))
        return path
    state = MODELS[source](w).state_dict()
    if source in ("timm", "huggingface"):
        save_file(state, path := folder / f"{source}.safetensors")
    else:
        torch.save(state, path := folder / f"{source}.pth")
    return path


def logits_of(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        out: Any = model(images)
    return out if isinstance(out, Tensor) else out.logits
