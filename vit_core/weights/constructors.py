"""The line of Python that builds the model of each family, with everything that no file of weights tells."""

from vit_core.config import ViTConfig


def ours(c: ViTConfig) -> str:
    """``load`` of this project."""
    return f"vit_core.load(FILE, num_heads={c.num_heads}, norm_eps={c.norm_eps:g}, gelu={c.gelu!r})"


def torchvision(c: ViTConfig) -> str:
    """The class of torchvision, whose GELU cannot be chosen."""
    extra = f", representation_size={c.representation_size}" if c.representation_size else ""
    return (
        f"torchvision.models.VisionTransformer({c.image_size}, {c.patch_size}, {c.num_layers}, {c.num_heads}, "
        f"{c.hidden_size}, {c.mlp_size}, num_classes={c.num_classes}{extra}{_norm_layer(c)})"
    )


def timm(c: ViTConfig) -> str:
    """The class of timm."""
    activation = ", act_layer=partial(torch.nn.GELU, approximate='tanh')" if c.gelu == "tanh" else ""
    return (
        f"timm.models.VisionTransformer(img_size={c.image_size}, patch_size={c.patch_size}, "
        f"embed_dim={c.hidden_size}, depth={c.num_layers}, num_heads={c.num_heads}, "
        f"mlp_ratio={c.mlp_size / c.hidden_size!r}, "
        f"num_classes={c.num_classes}{_norm_layer(c)}{activation})"
    )


def huggingface(c: ViTConfig) -> str:
    """The class of transformers with its config."""
    activation = ", hidden_act='gelu_pytorch_tanh'" if c.gelu == "tanh" else ""
    return (
        f"transformers.ViTForImageClassification(transformers.ViTConfig(image_size={c.image_size}, "
        f"patch_size={c.patch_size}, hidden_size={c.hidden_size}, num_hidden_layers={c.num_layers}, "
        f"num_attention_heads={c.num_heads}, intermediate_size={c.mlp_size}, num_labels={c.num_classes}, "
        f"layer_norm_eps={c.norm_eps:g}{activation}))"
    )


def course(c: ViTConfig) -> str:
    """The class that the course writes."""
    return (
        f"ViT(img_size={c.image_size}, patch_size={c.patch_size}, num_transformer_layers={c.num_layers}, "
        f"embedding_dim={c.hidden_size}, mlp_size={c.mlp_size}, num_heads={c.num_heads}, "
        f"num_classes={c.num_classes})"
    )


def lucidrains(c: ViTConfig) -> str:
    """The class of vit-pytorch."""
    return (
        f"ViT(image_size={c.image_size}, patch_size={c.patch_size}, num_classes={c.num_classes}, "
        f"dim={c.hidden_size}, depth={c.num_layers}, heads={c.num_heads}, dim_head={c.head_size}, "
        f"mlp_dim={c.mlp_size})"
    )


def google(c: ViTConfig) -> str:
    """The class of vit_jax."""
    return (
        f"vit_jax.models.VisionTransformer(num_classes={c.num_classes}, hidden_size={c.hidden_size}, "
        f"patches=ConfigDict({{'size': ({c.patch_size}, {c.patch_size})}}), transformer=dict("
        f"num_layers={c.num_layers}, num_heads={c.num_heads}, mlp_dim={c.mlp_size}))"
    )


def _norm_layer(c: ViTConfig) -> str:
    return "" if c.norm_eps == 1e-6 else f", norm_layer=partial(torch.nn.LayerNorm, eps={c.norm_eps:g})"
