"""Which family some weights belong to, told by their names; what is not a plain ViT is refused by what it has."""

import re
from collections.abc import Mapping

from torch import Tensor

# What a name shows (regular expression) and what that means, the more telling first.
OTHER_FAMILIES = (
    (r"dist_token|head_dist|distillation_token|distillation_classifier", "a distillation token, as distilled DeiT has"),
    (r"^beit\.|gamma_1$|lambda_1$", "scaled residual branches, as BEiT has"),
    (r"relative_position_bias_table|^swin|^features\.\d+\.\d+\.attn\.", "windows with relative positions, as Swin has"),
    (r"reg_token|register_tokens|storage_tokens", "register tokens, as DINOv2 with registers has"),
    (r"\.ls1\.|layer_scale1|\.gamma$", "scaled residual branches (LayerScale), as DINOv2 and CaiT have"),
    (r"\.(q|k)_norm\.|\.(q|k)_layernorm\.|/(query|key)_norm/", "normalised queries and keys"),
    (r"\.fc1_g\.|\.w12\.|\.w3\.|\.weights_in\.|gate_proj", "a gated MLP (SwiGLU)"),
    (r"fc_norm\.", "a head on the mean of all patches (fc_norm) instead of the class token"),
    (r"attn_pool|MAPHead", "a head that pools by attention instead of the class token"),
    (r"norm_pre\.|ln_pre\.|pre_layrnorm|embed_norm", "a LayerNorm before the first block, as CLIP has"),
    (r"conv_proj\.\w*conv|patch_embed\.backbone|^conv_root|^block\d/unit|patch_embed\.(proj\.)?\d|bit\.",
     "convolutions before the patches, so no linear patch projection"),
    (r"^decoder|\.decoder\.|decoder_", "a decoder, as a masked autoencoder has"),
    (r"rope|rel_pos|pos_block", "relative or rotary positions instead of a learned position embedding"),
    (r"MLPMixer|token_mixing|mlp_tokens", "mixing by MLPs instead of attention, as MLP-Mixer has"),
)  # fmt: skip

# One name per source that no other source uses.
SIGNATURES = {
    "ours": "patch_projection.weight",
    "torchvision": "conv_proj.weight",
    "timm": "patch_embed.proj.weight",
    "huggingface": "vit.embeddings.patch_embeddings.projection.weight",
    "google": "embedding/kernel",
}
CLASS_TOKENS = ("class_token", "cls_token", "vit.embeddings.cls_token", "cls")
HEADS = ("head.linear.weight", "heads.head.weight", "head.weight", "classifier.weight", "head/kernel")


def recognise(state: Mapping[str, Tensor]) -> str:
    """The source whose names these are: a key of ``SOURCES``.

    Raises:
        ValueError: if it is none of them, or not a plain ViT.
    """
    refuse_other_families(state)
    for source, signature in SIGNATURES.items():
        if signature in state:
            return source
    if "embeddings.patch_embeddings.projection.weight" in state:
        raise ValueError(f"{_BACKBONE}: save a ViTForImageClassification, whose names begin with 'vit.'")
    known = ", ".join(f"{signature} ({source})" for source, signature in SIGNATURES.items())
    shown = ", ".join(list(state)[:3]) or "nothing"
    raise ValueError(f"these are not the weights of a ViT that is known here: expected one of {known}; found {shown}")


def refuse_other_families(state: Mapping[str, Tensor]) -> None:
    """Refuse what only looks like a plain ViT, in one sentence that says what was found.

    Raises:
        ValueError: if a name belongs to another family, or the class token, the head or the biases are missing.
    """
    for shown, meaning in OTHER_FAMILIES:
        for key in state:
            if re.search(shown, key):
                raise ValueError(f"this is not a plain ViT: it has {meaning} (found {key})")
    if not any(signature in state for signature in SIGNATURES.values()):
        return
    if not any(key in state for key in CLASS_TOKENS):
        raise ValueError(f"this is not a plain ViT: it has no class token (expected one of {', '.join(CLASS_TOKENS)})")
    if not any(key in state for key in HEADS):
        raise ValueError(f"{_BACKBONE} (expected one of {', '.join(HEADS)})")
    for key in state:
        if key.endswith("attn.qkv.weight") and key.replace("weight", "bias") not in state:
            raise ValueError(f"this is not a plain ViT: its queries, keys and values have no bias (found {key} alone)")


_BACKBONE = "these weights have no classification head, so there is nothing to predict with"
