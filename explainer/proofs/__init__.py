"""Proofs: every equation recomputed in 64 bits, and how far 32 bits may be from it by rounding alone."""

from explainer.proofs.claims import Case, Claim, Proof, settle
from explainer.proofs.equations import FACTS, PROOFS, prove

__all__ = ["FACTS", "PROOFS", "Case", "Claim", "Proof", "prove", "settle"]
