"""Which numbers the hardware multiplies fast."""

import torch

from vit_core.training.config import TrainingConfig


def autocast(recipe: TrainingConfig, device: torch.device) -> torch.autocast:
    """Matrix products in the recipe's precision; weights, sums along the skip path and the loss stay float32."""
    wanted = recipe.precision == "bfloat16" and has_bfloat16(device)
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies 16-bit brain floats; where it does not, they would only be slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "mps":
        return True
    if not hasattr(torch.cpu, "get_capabilities"):  # torch 2.9
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    can = torch.cpu.get_capabilities()
    return any(can.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))
