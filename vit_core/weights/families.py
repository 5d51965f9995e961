"""Which family some weights belong to, recognised by their names; what is not a plain ViT is refused by what it has."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torch import Tensor

from vit_core.weights.sources import SOURCES
from vit_core.weights.weight_source import respell


class OtherFamily(NamedTuple):
    """A regular expression of names, the part of a model that they belong to, and who has it."""

    shown: str
    meaning: str
    title: str


# The more telling first.
OTHER_FAMILIES = (
    OtherFamily(
        r"dist_token|head_dist|distillation_token|distillation_classifier",
        "a distillation token, as distilled DeiT has",
        "DeiT, distilled",
    ),
    OtherFamily(r"^beit\.|gamma_1$|lambda_1$", "scaled residual branches, as BEiT has", "BEiT"),
    OtherFamily(
        r"relative_position_bias_table|^swin|^features\.\d+\.\d+\.attn\.",
        "windows with relative positions, as Swin has",
        "Swin",
    ),
    OtherFamily(
        r"reg_token|register_tokens|storage_tokens",
        "register tokens, as DINOv2 with registers has",
        "DINOv2 with registers, or DINOv3",
    ),
    OtherFamily(
        r"\.ls1\.|layer_scale1|\.gamma$",
        "scaled residual branches (LayerScale), as DINOv2 and CaiT have",
        "DINOv2, CaiT or DeiT III",
    ),
    OtherFamily(
        r"\.(q|k)_norm\.|\.(q|k)_layernorm\.|/(query|key)_norm/",
        "normalised queries and keys",
        "a ViT with normalised queries and keys (ViT-22B, ViT-5)",
    ),
    OtherFamily(r"\.fc1_g\.|\.w12\.|\.w3\.|\.weights_in\.|gate_proj", "a gated MLP (SwiGLU)", "EVA-02 or DINOv2-g"),
    OtherFamily(
        r"fc_norm\.",
        "a head on the mean of all patches (fc_norm) instead of the class token",
        "a ViT that averages its patches (MAE fine-tuned, BEiT)",
    ),
    OtherFamily(
        r"attn_pool|MAPHead", "a head that pools by attention instead of the class token", "SigLIP or big_vision"
    ),
    OtherFamily(
        r"norm_pre\.|ln_pre\.|pre_layrnorm|embed_norm", "a LayerNorm before the first block, as CLIP has", "CLIP"
    ),
    OtherFamily(r"^(visual|vision_model)\.", "a tower for images and one for text, as in CLIP", "CLIP or SigLIP"),
    OtherFamily(
        r"^to_patch_embedding\.3\.",
        "LayerNorms around its patch projection, as later versions of vit-pytorch have",
        "vit-pytorch (lucidrains), a later version",
    ),
    OtherFamily(
        r"conv_proj\.\w*conv|patch_embed\.backbone|^conv_root|^block\d/unit|patch_embed\.(proj\.)?\d|bit\.",
        "convolutions before the patches, so no linear patch projection",
        "a ViT with a convolutional stem (hybrid)",
    ),
    OtherFamily(r"^decoder|\.decoder\.|decoder_", "a decoder, as a masked autoencoder has", "MAE"),
    OtherFamily(
        r"rope|rel_pos|pos_block",
        "relative or rotary positions instead of a learned position embedding",
        "a ViT with relative or rotary positions",
    ),
    OtherFamily(
        r"MLPMixer|token_mixing|mlp_tokens", "mixing by MLPs instead of attention, as MLP-Mixer has", "MLP-Mixer"
    ),
)
_CONVOLUTIONAL = re.compile(r"(^|\.)(layer[1-4]\.\d+\.(conv|bn)\d|features\.\d+\.\d+\.block|stages\.\d+\.blocks\.)")

SIGNATURES = {source: table.signature for source, table in SOURCES.items()}
AVERAGED = re.compile(r"ema|averag|teacher|swa")  # in the name of a second set of weights


def prefixes(names: Iterable[str]) -> tuple[str, ...]:
    """The prefixes of a source's names, such as DataParallel's ``module.``, in their order, averages last."""
    found: dict[str, None] = {}
    for name in names:
        for signature in SIGNATURES.values():
            before = name.removesuffix(signature)
            if before != name and (not before or before[-1] in "./"):
                found[before] = None
    return tuple(sorted(found, key=lambda prefix: bool(AVERAGED.search(prefix))))


def source_of(names: Iterable[str]) -> str | None:
    """The source whose signature is among the names, if any is."""
    present = set(names)
    return next((source for source, signature in SIGNATURES.items() if signature in present), None)


def head_name(names: Iterable[str]) -> str | None:
    """The matrix of the classification head, as these names have it; None if they have none that is known."""
    names = list(names)
    if (source := source_of(names)) is None:
        return None
    usual = _theirs(source, "head.linear.weight")
    return next((name for name in names if SOURCES[source].usual(name) == usual), None)


def _theirs(source: str, ours: str) -> str:
    """The source's first name for one of our parameters."""
    return next(
        row.theirs[0].replace("*", "weight") for row in SOURCES[source].rows if row.ours.replace("*", "weight") == ours
    )


def other_family(names: Iterable[str]) -> tuple[OtherFamily, str] | None:
    """The other family that a name shows, and that name."""
    names = list(names)
    lines = "\n".join(names)  # searched as one text: a file may have tens of thousands of names
    for family in OTHER_FAMILIES:
        if found := re.search(family.shown, lines, re.MULTILINE):
            return family, names[lines.count("\n", 0, found.start())]
    return None


def recognise(state: Mapping[str, Tensor]) -> str:
    """The source whose names these are: a key of ``SOURCES``.

    Raises:
        ValueError: if it is none of them, or not a plain ViT.
    """
    refuse_other_families(state)
    if (source := source_of(state)) is not None:
        return source
    if "embeddings.patch_embeddings.projection.weight" in state:
        raise ValueError(f"{_BACKBONE}: save a ViTForImageClassification, whose names begin with 'vit.'")
    known = ", ".join(f"{signature} ({source})" for source, signature in SIGNATURES.items())
    shown = ", ".join(list(state)[:3]) or "nothing"
    network = " (they look like a convolutional network)" if any(map(_CONVOLUTIONAL.search, state)) else ""
    raise ValueError(
        f"these are not the weights of a ViT that is known here{network}: expected one of {known}; found {shown}"
    )


def refuse_other_families(state: Mapping[str, Tensor]) -> None:
    """Refuse what only looks like a plain ViT, in one sentence that says what was found.

    Raises:
        ValueError: if a name belongs to another family, or the class token, the head or the biases are missing.
    """
    if (other := other_family(state)) is not None:
        raise ValueError(f"this is not a plain ViT: it has {other[0].meaning} (found {other[1]})")
    if (source := source_of(state)) is None:
        return
    table = SOURCES[source]
    names = respell(state, table).keys()
    if (token := _theirs(source, "class_token")) not in names:
        raise ValueError(f"this is not a plain ViT: it has no class token (expected {token})")
    if (head := _theirs(source, "head.linear.weight")) not in names:
        raise ValueError(f"{_BACKBONE} (expected {head})")
    # Where only some blocks lack it, tensors are missing.
    joined = [key for key in state if key.endswith("attn.qkv.weight")]
    if joined and not any(key.replace("weight", "bias") in state for key in joined):
        found = f"found {joined[0]} alone"
        raise ValueError(f"this is not a plain ViT: its queries, keys and values have no bias ({found})")


_BACKBONE = "these weights have no classification head, so there is nothing to predict with"
