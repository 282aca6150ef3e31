"""What the networks are trained to minimise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from pose.overlap import paired_iou, pairwise_iou, share_inside
from pose.yolox import decode_boxes

SEEN = 0.2  # a teacher's score from which its box counts
_BOX_WEIGHT = 5.0  # of boxes beside scores, as in YOLOX
_INSIDE = 0.5  # a predicted box with this share or more inside an ignore region is ignored


def heatmap_loss(heatmaps: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted squared error of heatmaps (N, K, H, W), summed over a map, mean over labelled maps.

    HRNet, section 3.2, with weights (N, K). Unlike the mean over a map, the sum does not shrink
    with the pixels beside the peak: for one sigma it is the same for every input size.
    """
    error = (heatmaps - targets).square().sum((2, 3))  # (N, K)
    return (error * weights).sum() / weights.sum().clamp_min(1)


def detection_loss(
    raw: Tensor,
    targets: list[Tensor],
    cells: Tensor,
    undecided: Tensor | None = None,
) -> Tensor:
    """YOLOX's loss with SimOTA (Ge et al. 2021, section 2.2, and appendix), one class.

    raw (N, A, 6); targets per picture (M, 5): a box in input pixels, and 1 for a person or 0 for an
    ignore region; cells (A, 3). Objectness and class are trained by cross-entropy, boxes by
    1 - IoU^2; all are divided by the number of matched cells. A box predicted in an ignore region
    is no false positive: its cell counts only if it is assigned to a person. The same goes for the
    cells that `undecided` (N, A) marks.
    """
    boxes = decode_boxes(raw, cells)  # (N, A, 4)
    objectness = torch.zeros_like(raw[..., 4])  # (N, A)
    counts = torch.ones_like(raw[..., 4]) if undecided is None else 1 - undecided.float()  # (N, A)
    matched_raw, matched_boxes, matched_truth, matched_iou = [], [], [], []
    for index, labels in enumerate(targets):
        truth, open_places = labels[labels[:, 4] > 0, :4], labels[labels[:, 4] == 0, :4]
        if len(open_places):
            counts[index] *= share_inside(boxes[index].detach(), open_places) < _INSIDE
        if not len(truth):
            continue
        cell, person, iou = assign(raw[index].detach(), boxes[index].detach(), truth, cells)
        objectness[index, cell] = counts[index, cell] = 1
        matched_raw.append(raw[index, cell])
        matched_boxes.append(boxes[index, cell])
        matched_truth.append(truth[person])
        matched_iou.append(iou)
    loss = F.binary_cross_entropy_with_logits(
        raw[..., 4], objectness, weight=counts, reduction="sum"
    )
    count = 0
    if matched_raw:
        iou = paired_iou(torch.cat(matched_boxes), torch.cat(matched_truth))  # (M,)
        count = len(iou)
        quality = torch.cat(matched_iou)
        loss = loss + _BOX_WEIGHT * (1 - iou.square()).sum()
        loss = loss + F.binary_cross_entropy_with_logits(
            torch.cat(matched_raw)[:, 5], quality, reduction="sum"
        )
    return loss / max(count, 1)


def distillation_loss(raw: Tensor, taught: Tensor, cells: Tensor) -> Tensor:
    """How far a detector's raw (N, A, 6) is from a teacher's, cell by cell.

    Cross-entropy of the scores, and 1 - IoU^2 of the boxes where the teacher sees somebody,
    weighted by its score; both are divided by the sum of its scores (Chen et al., Learning
    Efficient Object Detection Models with Knowledge Distillation, NeurIPS 2017, with the losses of
    `detection_loss`).
    """
    theirs = person_scores(taught)  # (N, A)
    log_own = F.logsigmoid(raw[..., 4]) + F.logsigmoid(raw[..., 5])
    log_not = torch.log(-torch.expm1(log_own.clamp_max(-1e-6)))
    loss = -(theirs * log_own + (1 - theirs) * log_not).sum()
    seen = theirs > SEEN
    iou = paired_iou(decode_boxes(raw, cells)[seen], decode_boxes(taught, cells)[seen])
    loss = loss + _BOX_WEIGHT * (theirs[seen] * (1 - iou.square())).sum()
    return loss / theirs.sum().clamp_min(1)


def person_scores(raw: Tensor) -> Tensor:
    """A detector's scores (N, A) for people from raw (N, A, 5 + classes)."""
    return raw[..., 4].sigmoid() * raw[..., 5].sigmoid()


def assign(
    raw: Tensor, boxes: Tensor, truth: Tensor, cells: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Assign cells to true boxes (M, 4) by SimOTA: cells (P,), people (P,), IoU (P,).

    Candidates lie in a box or within 2.5 strides of its centre. Each box takes its k cheapest,
    k the sum of its ten best IoUs; a cell taken by several goes to the one it costs least.
    """
    middles = cells[:, :2] + cells[:, 2:] / 2  # (A, 2)
    near_edges = torch.cat(
        [middles[None] - truth[:, None, :2], truth[:, None, 2:] - middles[None]], dim=-1
    )  # (M, A, 4)
    inside = near_edges.amin(-1) > 0  # (M, A)
    centre = (truth[:, :2] + truth[:, 2:]) / 2
    near = ((middles[None] - centre[:, None]).abs() < 2.5 * cells[:, 2:]).all(-1)  # (M, A)
    candidate = torch.nonzero((inside | near).any(0)).squeeze(1)  # (C,)

    iou = pairwise_iou(truth, boxes[candidate])  # (M, C)
    score = person_scores(raw[candidate]).sqrt()  # (C,)
    cost = (
        -score.clamp_min(1e-8).log()[None]
        - 3 * iou.clamp_min(1e-8).log()
        + 1e5 * ~(inside & near)[:, candidate]
    )  # (M, C)
    budget = iou.topk(min(10, len(candidate)), dim=1).values.sum(1).int().clamp_min(1)  # (M,)
    rank = cost.argsort(1).argsort(1)  # (M, C)
    chosen = rank < budget[:, None]  # (M, C)
    cheapest = torch.where(chosen, cost, torch.inf).argmin(0)  # (C,)
    taken = torch.nonzero(chosen.any(0)).squeeze(1)  # (P,)
    person = cheapest[taken]
    return candidate[taken], person, iou[person, taken]
