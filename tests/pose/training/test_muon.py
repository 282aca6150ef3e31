import copy

import torch
from torch import nn

from pose.training.muon import Muon, orthogonal


def test_directions_are_nearly_orthogonal_whatever_the_shape() -> None:
    torch.manual_seed(0)
    for rows, columns in ((16, 144), (64, 16), (32, 32)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(3, rows, columns)).float())
        assert values.min() > 0.3
        assert values.max() < 1.3


def test_kernels_of_one_shape_do_not_disturb_each_other() -> None:
    torch.manual_seed(0)
    matrices = torch.randn(4, 16, 40)
    together = orthogonal(matrices)
    alone = torch.cat([orthogonal(one[None]) for one in matrices])
    assert torch.allclose(together.float(), alone.float(), atol=0.02)


def test_a_step_has_the_size_of_the_rate_however_large_the_gradient() -> None:
    torch.manual_seed(0)
    for scale in (1e-3, 1e3):
        kernel = nn.Parameter(torch.zeros(16, 16, 3, 3))
        kernel.grad = scale * torch.randn_like(kernel)
        Muon([{"params": [kernel]}], lr=0.1).step()
        size = kernel.detach().square().mean().sqrt()
        assert 0.7 * 0.2 * 0.1 < size < 1.3 * 0.2 * 0.1


def test_weights_that_are_not_matrices_move_as_with_adamw() -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(7), torch.randn(5, 7)
    mine, reference = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    muon = Muon([{"params": [mine], "weight_decay": 0.1}], lr=0.01)
    adamw = torch.optim.AdamW([reference], lr=0.01, weight_decay=0.1)
    for gradient in gradients:
        mine.grad, reference.grad = gradient.clone(), gradient.clone()
        muon.step()
        adamw.step()
    assert torch.allclose(mine, reference, atol=1e-6)


def test_it_learns_and_its_state_can_be_stored() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))
    samples = torch.randn(64, 8)
    optimiser = Muon([{"params": list(network.parameters())}], lr=0.02)

    def train(steps: int) -> float:
        loss = torch.tensor(0.0)
        for _ in range(steps):
            loss = (network(samples) - samples.flip(1)).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return float(loss.detach())

    first = train(1)
    assert train(200) < 0.2 * first
    again = Muon([{"params": list(network.parameters())}], lr=0.02)
    again.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    before = [weight.detach().clone() for weight in network.parameters()]
    gradients = [weight.grad for weight in network.parameters()]
    moved = []
    for each in (optimiser, again):
        for weight, value, gradient in zip(network.parameters(), before, gradients, strict=True):
            weight.data.copy_(value)
            weight.grad = gradient
        each.step()
        moved.append([weight.detach().clone() for weight in network.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*moved, strict=True))
