"""How many heads a model may have: no shape shows it, because q, k and v of all heads lie side by side in D numbers."""

from dataclasses import dataclass
from math import isqrt

from vit_core.config import SIZES

USUAL_HEAD_SIZE = 64  # D_h of the paper's ViT-B and ViT-L, and of nearly all others


@dataclass(frozen=True)
class HeadCandidate:
    """One number of heads that D can be shared among, and what speaks for it, if anything does."""

    num_heads: int
    head_size: int
    reason: str = ""
    is_stated: bool = False  # by the file, or by one next to it; then nothing else is likely
    is_chosen: bool = False  # by who asks


def head_candidates(
    hidden_size: int,
    num_layers: int = 0,
    mlp_size: int = 0,
    stated: int | None = None,
    chosen: int | None = None,
) -> tuple[HeadCandidate, ...]:
    """Every divisor of D, what speaks for it first: the likely one is the first, if it has a reason.

    Args:
        hidden_size: D.
        num_layers: L, where it is known.
        mlp_size: of the MLP, where it is known.
        stated: by an axis of the file, or by a file next to it.
        chosen: by the reader; it is marked, and what is likely stays so.
    """
    is_stated = stated is not None and stated > 0 and hidden_size % stated == 0
    if is_stated and stated is not None:
        reasons = {stated: "the file itself, or one next to it, states it"}
    else:
        reasons = _what_speaks_for(hidden_size, num_layers, mlp_size)
    small = [number for number in range(1, isqrt(hidden_size) + 1) if hidden_size % number == 0]
    divisors = sorted({*small, *(hidden_size // number for number in small)})
    return tuple(
        HeadCandidate(
            number, hidden_size // number, reasons.get(number, ""), is_stated and number == stated, number == chosen
        )
        for number in [*reasons, *(number for number in divisors if number not in reasons)]
    )


def _what_speaks_for(hidden_size: int, num_layers: int, mlp_size: int) -> dict[int, str]:
    """Why a number of heads is likely, the strongest reason first."""
    reasons: dict[int, str] = {}
    known = {name: size for name, size in SIZES.items() if name != "Nano"}  # its D = 48 is nobody else's habit
    for name, size in known.items():
        if (size.num_layers, size.hidden_size, size.mlp_size) == (num_layers, hidden_size, mlp_size):
            reasons.setdefault(size.num_heads, f"L, D and the MLP are those of ViT-{name}, which has {size.num_heads}")
    if hidden_size % USUAL_HEAD_SIZE == 0:
        reasons.setdefault(hidden_size // USUAL_HEAD_SIZE, f"D_h = {USUAL_HEAD_SIZE}, as nearly all ViTs have")
    for name, size in known.items():
        if size.hidden_size == hidden_size:
            reasons.setdefault(size.num_heads, f"D is that of ViT-{name}, which has {size.num_heads}")
    return reasons
