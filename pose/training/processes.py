"""Several processes that train one network: `torchrun --nproc-per-node N -m pose.training ...`.

Each takes its share of every batch; gradients are averaged. Without torchrun there is one process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

_TIMEOUT = timedelta(hours=2)  # the others wait while the first evaluates


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those that train together."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this one evaluates, writes and talks."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network, with its gradients averaged over the processes.

        Every batch must use the same parameters, but need not use all: a detector takes nothing
        from the finest branch of its HRNet. The first step shows which are used.
        """
        if self.count == 1:
            return network
        return DistributedDataParallel(
            network,
            device_ids=[self.device.index] if self.device.type == "cuda" else None,
            static_graph=True,
        )

    def agree(self, value: float) -> float:
        """The first process's value, in every process; waits for it."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return float(shared)

    def leave(self) -> None:
        """End the process group; this process goes on alone."""
        if self.count > 1:
            distributed.destroy_process_group()


def join(device: torch.device) -> Processes:
    """Join the processes that torchrun started, each with its own CUDA device."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes(device)
    rank = int(os.environ["RANK"])
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=_TIMEOUT)
    return Processes(device, rank, count)
