"""Every equation proved on the numbers on the screen: recomputed in double precision, compared with the trace.

A proof takes the equation's *inputs* from the trace and the parameters from the model, computes the equation in NumPy
in 64 bits, without a line of the model's code, and looks for the largest difference to what the trace holds as its
*outputs*. What is allowed is what rounding to 32 bits explains, carried through each step
(``explainer/proofs/rounding.py``). A tensor that is wrong turns the proof that makes it red, and those that read it.
"""

import numpy as np

from explainer.proofs.claims import Case, Claim, Proof
from explainer.proofs.equations import FACTS, PROOFS
from explainer.proofs.rounding import exact
from vit_core import BlockTrace, ForwardTrace, VisionTransformer


def prove(
    equation: int | str,
    model: VisionTransformer,
    trace: ForwardTrace,
    block: BlockTrace | None = None,
    layer: int | None = None,
) -> Proof:
    """Prove an equation of the paper (1-8), or a fact by its name in ``FACTS``, on this trace.

    ``block`` is the trace of ``layer``; it is recomputed if it is not given.

    Raises:
        KeyError: if there is no such equation or fact.
        ValueError: if it is about a layer and no layer is given.
    """
    claim = PROOFS[equation] if isinstance(equation, int) else FACTS[equation]
    if claim.per_layer and layer is None:
        raise ValueError(f"{claim.name} is about one layer: give the layer, 1..{trace.num_layers}")
    layer = layer or 1
    case = Case(model, trace, block or model.trace_block(trace, layer), layer)
    return settle(claim, case)


def settle(claim: Claim, case: Case) -> Proof:
    """Compute a claim and compare it with what the trace holds."""
    difference, tolerance, count = 0.0, 0.0, 0
    for path, expected in zip(claim.makes, claim.compute(case), strict=True):
        found = exact(case.tensor(path)).values
        # np.maximum hands on what is no number, so that it can never be missed
        difference = float(np.maximum(difference, np.abs(found - expected.values).max()))
        tolerance = max(tolerance, expected.tolerance)
        count += found.size
    return Proof(claim.name, difference, count, tolerance)
