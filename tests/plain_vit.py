"""A Vision Transformer in plain PyTorch and double precision, one head after the other, with changes read from a link.

It shares nothing with the program: it reads the weights by their names, and the text of the changes by itself.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from scipy.ndimage import gaussian_filter, zoom
from timm.layers import build_sincos2d_pos_embed
from torch import Tensor
from torch.nn.functional import conv2d, gelu, interpolate, layer_norm, linear


@dataclass
class PlainPass:
    """What a pass computed."""

    image: Tensor
    states: list[Tensor]
    weights: list[list[Tensor]]  # [layer][head]
    y: Tensor
    logits: Tensor


def read(text: str) -> list[tuple[str, str]]:
    """``mask=1,2;skip=mlp.1`` as pairs of a key and what follows it."""
    return [(clause.split("=")[0], clause.split("=")[1]) for clause in text.split(";")] if text else []


def items(text: str, key: str) -> list[str]:
    return [item for each, told in read(text) if each == key for item in told.split(",")]


def patch_numbers(told: str) -> list[int]:
    numbers: list[int] = []
    for run in told.split(","):
        ends = [int(end) for end in run.split("-")]
        numbers += range(ends[0], ends[-1] + 1)
    return numbers


def changed_image(image: Tensor, size: int, text: str) -> Tensor:
    """The picture after the changes of its patches, in the order of the text."""
    grid = image.shape[-1] // size
    squares = [
        (slice(None), slice(row * size, (row + 1) * size), slice(column * size, (column + 1) * size))
        for row in range(grid)
        for column in range(grid)
    ]
    for key, told in read(text):
        before = image.clone()
        image = image.clone()
        if key == "mask":
            for patch in patch_numbers(told):
                image[squares[patch - 1]] = 0
        elif key == "blur":
            blurred = [gaussian_filter(channel, size / 2, mode="nearest", radius=size) for channel in image.numpy()]
            for patch in patch_numbers(told):
                square = squares[patch - 1]
                image[square] = torch.stack([torch.from_numpy(channel) for channel in blurred])[square]
        elif key == "swap":
            for pair in told.split(","):
                first, second = (squares[int(patch) - 1] for patch in pair.split(":"))
                kept = image[first].clone()
                image[first] = image[second]
                image[second] = kept
        elif key == "shuffle":
            order = torch.randperm(len(squares), generator=torch.Generator().manual_seed(int(told)))
            for to, source in zip(squares, order, strict=True):
                image[to] = before[squares[source]]
    return image


def resized(embedding: Tensor, grid: int, method: str) -> Tensor:
    """E_pos on another grid, the class token's row kept."""
    side, hidden = int((len(embedding) - 1) ** 0.5), embedding.shape[1]
    if side == grid:
        return embedding
    rows = embedding[1:].reshape(side, side, hidden)
    if method == "bilinear" and min(side, grid) > 1:
        new = torch.from_numpy(zoom(rows.numpy(), (grid / side, grid / side, 1), order=1))
    else:
        options = {
            "bilinear": {"mode": "bilinear", "align_corners": True},
            "bicubic": {"mode": "bicubic", "align_corners": True},
            "bicubic-half-pixel": {"mode": "bicubic"},
            "bicubic-antialias": {"mode": "bicubic", "antialias": True},
        }[method]
        new = interpolate(rows.permute(2, 0, 1)[None], (grid, grid), **options)[0].permute(1, 2, 0)
    return torch.cat([embedding[:1], new.reshape(-1, hidden)])


def changed_positions(embedding: Tensor, text: str) -> Tensor:
    """E_pos after its change."""
    rows = embedding[1:]
    side = int(len(rows) ** 0.5)
    for told in items(text, "positions"):
        kind, *more = told.split(".")
        if kind == "zero":
            return torch.zeros_like(embedding)
        if kind == "shuffled":
            order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(int(more[0])))
            return torch.cat([embedding[:1], rows[order]])
        if kind == "sinusoidal":
            waves = build_sincos2d_pos_embed([side, side], embedding.shape[1]).double()
            mean_length = torch.stack([row.norm() for row in rows]).mean()
            return torch.cat([embedding[:1], waves * mean_length / torch.stack([row.norm() for row in waves]).mean()])
        return resized(resized(embedding, int(more[0]), more[1]), side, more[1])
    return embedding


def divisor(text: str, layer: int, head_size: int) -> float:
    """What q k^T is divided by in this layer."""
    value = head_size**0.5
    for told in items(text, "temperature"):
        where, _, temperature = told.rpartition(":")
        if where in ("", str(layer)):
            value = value / head_size**0.5 if temperature == "unscaled" else value * float(temperature)
    return value


def plain_pass(
    state: dict[str, Tensor],
    image: Tensor,
    heads: int,
    size: int,
    text: str = "",
    *,
    eps: float = 1e-6,
    approximate: str = "none",
) -> PlainPass:
    """The forward pass of one picture with the weights ``state``, and the changes of ``text``."""
    weights = {name: value.double() for name, value in state.items()}
    hidden = weights["class_token"].shape[1]
    head_size = hidden // heads

    def dense(x: Tensor, name: str) -> Tensor:
        return linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        return layer_norm(x, [hidden], weights[f"{name}.weight"], weights[f"{name}.bias"], eps)

    image = changed_image(image.double(), size, text)
    projected = conv2d(image[None], weights["patch_projection.weight"], weights["patch_projection.bias"], stride=size)
    z = torch.cat([weights["class_token"], projected[0].flatten(1).T])
    z = z + changed_positions(weights["position_embedding"], text)
    states, maps = [z], []
    for layer in range(1, sum(name.endswith("mlp.expand.bias") for name in weights) + 1):
        block = f"blocks.{layer - 1}"
        qkv = dense(norm(z, f"{block}.attention_norm"), f"{block}.attention.qkv")
        ends = [0, *(hidden * third for third in (1, 2, 3))]
        q, k, v = (qkv[:, start:end] for start, end in pairwise(ends))
        outputs, rows = [], []
        for head in range(1, heads + 1):
            own = slice((head - 1) * head_size, head * head_size)
            scores = q[:, own] @ k[:, own].T / divisor(text, layer, head_size)
            rows.append(scores.softmax(1))
            output = rows[-1] @ v[:, own]
            if f"{layer}.{head}:zero" in items(text, "heads"):
                output = output * 0
            if f"{layer}.{head}:mean" in items(text, "heads"):
                output = torch.stack([output.sum(0) / len(output)] * len(output))
            outputs.append(output)
        for part in ("attention", "mlp"):
            if part == "attention":
                update = dense(torch.cat(outputs, dim=1), f"{block}.attention.projection")
            else:
                inner = gelu(dense(norm(z, f"{block}.mlp_norm"), f"{block}.mlp.expand"), approximate=approximate)
                update = dense(inner, f"{block}.mlp.contract")
            terms = []
            if f"{part}.{layer}" not in items(text, "skip"):
                terms.append(update)
            if f"{part}.{layer}" not in items(text, "residual"):
                terms.append(z)
            z = torch.stack([torch.zeros_like(z), *terms]).sum(0)
        states.append(z)
        maps.append(rows)
    y = norm(z[0], "norm")
    inputs = torch.tanh(dense(y, "head.pre_logits")) if "head.pre_logits.weight" in weights else y
    return PlainPass(image, states, maps, y, dense(inputs, "head.linear"))
