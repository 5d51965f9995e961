"""Muon for processors that multiply no bfloat16 themselves."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Muon


class Float32Muon(Muon):
    """``torch.optim.Muon`` with the Newton-Schulz iteration in the type of the gradients.

    PyTorch's runs in bfloat16 whatever the hardware, and without instructions for it takes 20 to 30 times as long for
    the matrices of the embedded model. Options, groups and kept state are PyTorch's, so a run goes on with either.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every matrix that has a gradient once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(matrix.grad)
                mean = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
                ahead = matrix.grad.lerp(mean, momentum)  # Nesterov's
                update = orthogonalise(ahead, group["ns_coefficients"], group["ns_steps"], group["eps"])
                matrix.mul_(1 - rate * group["weight_decay"])
                # The root mean square of AdamW's updates (2502.16982, Eq. 4).
                matrix.add_(update, alpha=-rate * 0.2 * max(matrix.shape) ** 0.5)
        return loss


def orthogonalise(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, smallest: float) -> Tensor:
    """The matrix with its singular values brought near one, by Newton-Schulz: X <- aX + (bA + cAA)X, A = XX^T.

    Args:
        matrix: of any two sizes.
        coefficients: a, b, c, which make the iteration fast rather than exact: all but the smallest values end
            between 0.7 and 1.2.
        steps: how often.
        smallest: what the norm is taken for at least.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if is_tall else matrix
    x = x / x.norm().clamp(min=smallest)
    a, b, c = coefficients
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if is_tall else x
