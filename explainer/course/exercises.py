"""The course's exercises as functions: PyTorch's encoder next to ours, parameters counted, gradients clipped."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu
from torchvision.models import vit_b_16

from vit_core import ForwardTrace, VisionTransformer, ViTConfig
from vit_core.model import EncoderBlock

# PyTorch's name of a parameter -> ours; "*" stands for weight and bias.
PYTORCH_NAMES = {
    "norm1.*": "attention_norm.*",
    "self_attn.in_proj_*": "attention.qkv.*",
    "self_attn.out_proj.*": "attention.projection.*",
    "norm2.*": "mlp_norm.*",
    "linear1.*": "mlp.expand.*",
    "linear2.*": "mlp.contract.*",
}
PYTORCH_EPS = 1e-5  # layer_norm_eps of nn.TransformerEncoderLayer unless it is set


def pytorch_layer(config: ViTConfig, norm_eps: float | None = None) -> nn.TransformerEncoderLayer:
    """PyTorch's own encoder layer with the sizes of ``config``, and no memory for its parameters yet."""
    with torch.device("meta"):
        return nn.TransformerEncoderLayer(
            d_model=config.hidden_size,
            nhead=config.num_heads,
            dim_feedforward=config.mlp_size,
            dropout=0.0,
            activation="gelu" if config.gelu == "none" else partial(gelu, approximate=config.gelu),
            layer_norm_eps=config.norm_eps if norm_eps is None else norm_eps,
            batch_first=True,
            norm_first=True,  # LN before MSA and MLP, as in Eq. 2 and 3; the default is the order of 2017, after them
        ).eval()


def give_parameters(layer: nn.Module, block: EncoderBlock) -> nn.Module:
    """Let PyTorch's layer use the parameters of our block: the same tensors, by the table of names. The layer again."""
    ours = block.state_dict()
    renamed = {
        theirs.replace("*", kind): ours[name.replace("*", kind)]
        for theirs, name in PYTORCH_NAMES.items()
        for kind in ("weight", "bias")
    }
    layer.load_state_dict(renamed, strict=True, assign=True)
    return layer


def pytorch_encoder(model: VisionTransformer) -> nn.TransformerEncoder:
    """All layers of ``model`` as PyTorch's ``nn.TransformerEncoder``, without a norm at its end."""
    config = model.config
    encoder = nn.TransformerEncoder(pytorch_layer(config), config.num_layers, enable_nested_tensor=False)
    for number, layer in enumerate(encoder.layers, 1):
        give_parameters(layer, model.block(number))
    return encoder.eval()


@dataclass(frozen=True)
class LayerComparison:
    """How far PyTorch's layer is from our block on the same tokens, with the same parameters."""

    single: float  # largest difference in 32 bits
    fused: float | None  # the same where PyTorch runs the whole layer as one call; None where it does not
    double: float  # in 64 bits
    default_eps: float  # in 32 bits, when layer_norm_eps is left as PyTorch has it
    largest: float  # of all numbers of z_l
    count: int  # of these numbers
    ours: int  # parameters
    theirs: int

    @property
    def holds(self) -> bool:
        """Whether nothing but rounding is between them.

        In 64 bits a number is rounded by 1e-16 of its size, in 32 bits by 6e-8. 1e-12 of the largest number is room
        for sums of thousands of rounded terms, and ten thousand times less than an error of formula in 32 bits.
        """
        return self.double <= 1e-12 * self.largest and self.ours == self.theirs


@torch.no_grad()
def compare_layer(block: EncoderBlock, config: ViTConfig, z: Float[Tensor, "tokens hidden"]) -> LayerComparison:
    """PyTorch's encoder layer and our block on the tokens ``z``."""
    layer = give_parameters(pytorch_layer(config), block)
    with_their_eps = give_parameters(pytorch_layer(config, PYTORCH_EPS), block)
    wanted = block(z)
    is_fused = config.gelu == "none" and config.num_heads % 2 == 0  # what its fast path asks for, besides a batch
    with torch.device("meta"):
        doubled = EncoderBlock(config).eval()
    doubled.load_state_dict({name: tensor.double() for name, tensor in block.state_dict().items()}, assign=True)
    theirs_doubled = give_parameters(pytorch_layer(config), doubled)
    return LayerComparison(
        single=_largest(layer(z) - wanted),
        fused=_largest(layer(z[None])[0] - wanted) if is_fused else None,
        double=_largest(theirs_doubled(z.double()) - doubled(z.double())),
        default_eps=_largest(with_their_eps(z) - wanted),
        largest=_largest(wanted),
        count=wanted.numel(),
        ours=count(block),
        theirs=count(layer),
    )


@torch.no_grad()
def compare_encoder(model: VisionTransformer, trace: ForwardTrace) -> tuple[float, ...]:
    """The largest difference to z_1 ... z_L when PyTorch's encoder goes all the way from z_0."""
    z, differences = trace.hidden_states[0], []
    for layer, ours in zip(pytorch_encoder(model).layers, trace.hidden_states[1:], strict=True):
        z = layer(z)
        differences.append(_largest(z - ours))
    return tuple(differences)


@dataclass(frozen=True)
class Counts:
    """Parameters of B/16, counted on models without memory."""

    ours: int
    torchvision: int
    trainable: int  # when all but the head is frozen
    head: int


@cache
def count_b16(num_classes: int) -> Counts:
    """Our B/16 and torchvision's with that many classes, made on the meta device and counted."""
    with torch.device("meta"):
        ours = VisionTransformer(ViTConfig.named("B/16", num_classes=num_classes))
        theirs = vit_b_16(num_classes=num_classes)
    ours.requires_grad_(False)
    ours.head.requires_grad_(True)
    trainable = sum(parameter.numel() for parameter in ours.parameters() if parameter.requires_grad)
    return Counts(count(ours), count(theirs), trainable, count(ours.head))


@cache
def count_b16_block() -> tuple[int, int]:
    """Parameters of one encoder layer of B/16: our block, PyTorch's layer."""
    config = ViTConfig.named("B/16")
    with torch.device("meta"):
        return count(EncoderBlock(config)), count(pytorch_layer(config))


def count(module: nn.Module) -> int:
    """The numbers that a module has to learn."""
    return sum(parameter.numel() for parameter in module.parameters())


# Part of the model -> what the names of its parameters contain
GRADIENT_PARTS = {
    "E": "patch_projection.",
    "class token": "class_token",
    "positions": "position_embedding",
    "attention": ".attention.",
    "MLP": ".mlp.",
    "norms": "norm.",
    "head": "head.",
}


def gradients(
    model: VisionTransformer, image: Float[Tensor, "channels height width"], label: int
) -> Mapping[str, Float[Tensor, "..."]]:
    """The gradient of the cross-entropy of one picture, by parameter; nothing is left on the model."""
    with torch.enable_grad():
        loss = cross_entropy(model(image)[None], torch.tensor([label]))
        names, parameters = zip(*model.named_parameters(), strict=True)
        return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))


def clip(found: Mapping[str, Tensor], largest_norm: float) -> tuple[Mapping[str, Tensor], float]:
    """The gradients scaled down together so that their norm is at most ``largest_norm``, and the norm before."""
    norm = float(nn.utils.get_total_norm(found.values()))
    factor = min(1.0, largest_norm / norm) if norm else 1.0
    return {name: gradient * factor for name, gradient in found.items()}, norm


def norms_by_part(found: Mapping[str, Tensor]) -> dict[str, float]:
    """The norm of the gradients of each part of the model."""
    left, norms = dict(found), dict[str, float]()
    for part, mark in GRADIENT_PARTS.items():
        norms[part] = float(nn.utils.get_total_norm([left.pop(name) for name in list(left) if mark in name]))
    if left:
        raise ValueError(f"parameters of no part: {', '.join(left)}")
    return norms


def _largest(difference: Tensor) -> float:
    return float(difference.abs().max())
