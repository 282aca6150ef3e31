"""One optimisation step: parameter groups with their own learning rates, and weight averaging."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from pose.training.muon import Muon
from pose.training.precision import HalfPrecision
from pose.training.recipes import Recipe

_OPTIMISERS = {"muon": Muon, "adamw": torch.optim.AdamW, "adam": torch.optim.Adam}
_GRADIENT_NORM = 10.0  # one bad batch must not undo an hour of training


class AveragedWeights:
    """Exponential moving average of a network's weights and batch-norm statistics."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self._decay = decay
        current, average = network.state_dict(), self.network.state_dict()
        floating = [name for name, value in average.items() if value.is_floating_point()]
        self._current = [current[name] for name in floating]
        self._average = [average[name] for name in floating]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Add the network's weights after `step` steps to the average; early ones count less."""
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._average, self._current, 1 - decay)


class Optimisation:
    """The optimiser, with a learning rate per group."""

    def __init__(
        self, network: nn.Module, head: str, recipe: Recipe, precision: HalfPrecision
    ) -> None:
        self._network, self.scaler = network, precision.scaler
        kind: Any = _OPTIMISERS[recipe.optimiser]
        self.optimiser = kind(_groups(network, head, recipe), lr=recipe.learning_rate)

    def step(self, rate: float) -> None:
        """Update the weights by their gradients."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self._network.parameters(), _GRADIENT_NORM)
        self.scaler.step(self.optimiser)
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """The state to save for resuming."""
        return {"optimiser": self.optimiser.state_dict(), "scaler": self.scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from what `state_dict` gave."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])


def set_learning(network: nn.Module, head: str, frozen: bool) -> None:
    """Set training mode; if `frozen`, all but the child `head` keep weights and statistics."""
    network.train()
    for name, child in network.named_children():
        if frozen and name != head:
            child.eval().requires_grad_(False)


def _groups(network: nn.Module, head: str, recipe: Recipe) -> list[dict[str, Any]]:
    """Head and rest, each split into kernels (decayed) and batch norm and biases (not decayed)."""
    groups = []
    for factor, in_head in ((1.0, True), (recipe.backbone_rate, False)):
        chosen = [
            parameter
            for name, parameter in network.named_parameters()
            if name.startswith(f"{head}.") == in_head and parameter.requires_grad
        ]
        for decay, is_kernel in ((recipe.weight_decay, True), (0.0, False)):
            params = [parameter for parameter in chosen if (parameter.ndim > 1) == is_kernel]
            if params:
                groups.append({"params": params, "weight_decay": decay, "factor": factor})
    return groups
