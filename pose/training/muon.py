"""Muon: orthogonalised momentum, so that every direction of a kernel learns at the same pace.

Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024. Steps have AdamW's
size, so that its learning rates and weight decay apply: Liu et al., Muon is Scalable for LLM
Training, 2025, section 2.2. torch.optim.Muon (in torch 2.9) takes matrices only, and one at a time;
HRNet has hundreds of small kernels, which are batched here by shape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from pose.training.precision import half_precision

_QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan's coefficients: steep at 0, near 1 after five rounds
_ROUNDS = 5
_FEWEST_ROWS = 8  # a kernel with fewer outputs is a few vectors rather than a matrix
_MOMENTUM, _BETAS, _EPS = 0.95, (0.9, 0.999), 1e-8


class Muon(torch.optim.Optimizer):
    """Muon for kernels (out, ...), taken as matrices (out, rest); AdamW for everything smaller."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closures here
        """Update every weight that has a gradient."""
        for group in self.param_groups:
            rate = group["lr"]
            learning = [weight for weight in group["params"] if weight.grad is not None]
            if not learning:
                continue
            torch._foreach_mul_(learning, 1 - rate * group["weight_decay"])
            kernels = [weight for weight in learning if _is_matrix(weight)]
            self._orthogonal(kernels, rate)
            self._adam([weight for weight in learning if not _is_matrix(weight)], rate)

    def _orthogonal(self, kernels: list[Tensor], rate: float) -> None:
        alike: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
        for kernel in kernels:
            alike[kernel.shape[0], kernel[0].numel()].append(kernel)
        for (rows, columns), members in alike.items():
            for kernel in members:
                if not self.state[kernel]:
                    self.state[kernel]["momentum"] = torch.zeros_like(kernel)
            gradients = [_gradient(kernel) for kernel in members]
            momenta = [self.state[kernel]["momentum"] for kernel in members]
            torch._foreach_lerp_(momenta, gradients, 1 - _MOMENTUM)
            ahead = torch._foreach_lerp(gradients, momenta, _MOMENTUM)  # Nesterov's
            steps = torch.stack([step.reshape(rows, columns) for step in ahead])
            directions = orthogonal(steps).float()  # (members, rows, columns)
            # An orthogonal matrix has entries of 1/sqrt(longer side) on average, AdamW's about 0.2.
            size = 0.2 * rate * max(rows, columns) ** 0.5
            moves = [
                direction.reshape(kernel.shape)
                for kernel, direction in zip(members, directions, strict=True)
            ]
            torch._foreach_add_(members, moves, alpha=-size)

    def _adam(self, weights: list[Tensor], rate: float) -> None:
        for weight in weights:
            state = self.state[weight]
            if not state:
                state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
                state["steps"] = 0
            state["steps"] += 1
        if not weights:
            return
        gradients = [_gradient(weight) for weight in weights]
        states = [self.state[weight] for weight in weights]
        means = [state["mean"] for state in states]
        squares = [state["square"] for state in states]
        torch._foreach_lerp_(means, gradients, 1 - _BETAS[0])
        torch._foreach_lerp_(squares, torch._foreach_mul(gradients, gradients), 1 - _BETAS[1])
        mean_shares, square_shares = (
            [1 - beta ** state["steps"] for state in states] for beta in _BETAS
        )
        mean = torch._foreach_div(means, mean_shares)
        root = torch._foreach_sqrt(torch._foreach_div(squares, square_shares))
        torch._foreach_add_(root, _EPS)
        torch._foreach_addcdiv_(weights, mean, root, value=-rate)


def orthogonal(matrices: Tensor) -> Tensor:
    """The orthogonal matrix nearest to each of (N, rows, columns); singular values within 0.3 of 1.

    Newton-Schulz iteration in bfloat16 where that is fast, with Jordan's coefficients.
    """
    a, b, c = _QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).to(half_precision("bf16", matrices.device))
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    for _ in range(_ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def _is_matrix(weight: Tensor) -> bool:
    return weight.ndim > 1 and weight.shape[0] >= _FEWEST_ROWS


def _gradient(weight: Tensor) -> Tensor:
    assert weight.grad is not None
    return weight.grad
