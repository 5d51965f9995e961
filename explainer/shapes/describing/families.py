"""Vision Transformers of known families: read the sizes of a model, and build one of other sizes."""

from collections.abc import Callable
from typing import Any

from torch import nn

from vit_core import VisionTransformer, ViTConfig

Build = Callable[[ViTConfig], nn.Module]


def family_of(module: nn.Module) -> tuple[Build, ViTConfig] | None:
    """A function that builds models of the same family, and the sizes of ``module``; None for an unknown family."""
    kind = type(module)
    known = _FAMILIES.get((kind.__module__, kind.__qualname__))
    if known is None:
        return None
    build, read = known
    try:
        return build, read(module)
    except (AttributeError, TypeError, ValueError):
        return None


# Our name -> theirs: of the argument and of the attribute in torchvision, of the configuration in Hugging Face.
_OF_TORCHVISION = {
    "image_size": "image_size",
    "patch_size": "patch_size",
    "hidden_size": "hidden_dim",
    "mlp_size": "mlp_dim",
    "num_classes": "num_classes",
    "representation_size": "representation_size",
}
_OF_HUGGING_FACE = {
    "image_size": "image_size",
    "patch_size": "patch_size",
    "num_channels": "num_channels",
    "hidden_size": "hidden_size",
    "num_layers": "num_hidden_layers",
    "mlp_size": "intermediate_size",
    "num_heads": "num_attention_heads",
}


def _torchvision(config: ViTConfig) -> nn.Module:
    from torchvision.models import VisionTransformer as Theirs

    sizes = {theirs: getattr(config, ours) for ours, theirs in _OF_TORCHVISION.items()}
    model = Theirs(**sizes, num_layers=config.num_layers, num_heads=config.num_heads)
    if config.num_channels != 3:  # which it cannot be told
        model.conv_proj = nn.Conv2d(config.num_channels, config.hidden_size, config.patch_size, config.patch_size)
    return model


def _of_torchvision(model: Any) -> ViTConfig:
    return ViTConfig(
        num_channels=model.conv_proj.in_channels,
        num_layers=len(model.encoder.layers),
        num_heads=model.encoder.layers[0].num_heads,
        **{ours: getattr(model, theirs) for ours, theirs in _OF_TORCHVISION.items()},
    )


def _timm(config: ViTConfig) -> nn.Module:
    from timm.models.vision_transformer import VisionTransformer as Theirs

    return Theirs(
        img_size=config.image_size,
        patch_size=config.patch_size,
        in_chans=config.num_channels,
        num_classes=config.num_classes,
        embed_dim=config.hidden_size,
        depth=config.num_layers,
        num_heads=config.num_heads,
        mlp_ratio=config.mlp_size / config.hidden_size,
    )


def _of_timm(model: Any) -> ViTConfig:
    block = model.blocks[0]
    return ViTConfig(
        image_size=model.patch_embed.img_size[0],
        patch_size=model.patch_embed.patch_size[0],
        num_channels=model.patch_embed.proj.in_channels,
        num_layers=len(model.blocks),
        hidden_size=model.embed_dim,
        mlp_size=block.mlp.fc1.out_features,
        num_heads=block.attn.num_heads,
        num_classes=model.num_classes,
    )


def _hugging_face(config: ViTConfig) -> nn.Module:
    import transformers

    sizes = {theirs: getattr(config, ours) for ours, theirs in _OF_HUGGING_FACE.items()}
    labels = {index: str(index) for index in range(config.num_classes)}
    return transformers.ViTForImageClassification(transformers.ViTConfig(**sizes, id2label=labels))


def _of_hugging_face(model: Any) -> ViTConfig:
    sizes = {ours: getattr(model.config, theirs) for ours, theirs in _OF_HUGGING_FACE.items()}
    return ViTConfig(**sizes, num_classes=model.num_labels)


_FAMILIES: dict[tuple[str, str], tuple[Build, Callable[[Any], ViTConfig]]] = {
    (VisionTransformer.__module__, "VisionTransformer"): (VisionTransformer, lambda model: model.config),
    ("torchvision.models.vision_transformer", "VisionTransformer"): (_torchvision, _of_torchvision),
    ("timm.models.vision_transformer", "VisionTransformer"): (_timm, _of_timm),
    ("transformers.models.vit.modeling_vit", "ViTForImageClassification"): (_hugging_face, _of_hugging_face),
}
