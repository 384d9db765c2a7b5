"""The detector's loss: SimOTA assignment, IoU on boxes, cross-entropy on objectness and classes.

Source: YOLOX, arXiv 2107.08430, section 2.

Differences from the paper:
- an anchor without an object is punished for its scores (objectness times class), not for its objectness. The published
  weights have a high objectness on people and everything else in COCO; pressing that down harms the vehicles too.
- an anchor without an object whose centre lies in an ignored region is not punished, because labels are incomplete,
  except for a truck or bus where people saw neither;
- where a view's wheels are not all labelled, neither is an anchor in a labelled box that takes what it sees for one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from models.detector import CLASSES

WHEEL = CLASSES.index("wheel")
VEHICLES = [CLASSES.index("truck"), CLASSES.index("bus")]
CENTRE_RADIUS = 2.5
CANDIDATES = 10
BOX_WEIGHT = 5.0
# Overlap from which a box is the reviewed one.
SAME = 0.45


@dataclass(frozen=True)
class Target:
    """Boxes N×4 (x1, y1, x2, y2, input pixels), classes N, ignored regions M×4, whether all wheels are labelled, boxes
    K×4 where people saw neither truck nor bus."""

    boxes: Tensor
    classes: Tensor
    ignored: Tensor
    wheels_known: bool
    neither: Tensor


def decode(raw: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """Logits …×A×(5+C) to boxes …×A×4 in input pixels."""
    centres = (raw[..., :2] + corners) * strides
    halves = raw[..., 2:4].clamp(max=8.0).exp() * strides / 2
    return torch.cat((centres - halves, centres + halves), -1)


def pairwise_overlap(first: Tensor, second: Tensor) -> Tensor:
    corner = torch.maximum(first[:, None, :2], second[None, :, :2])
    opposite = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    common = (opposite - corner).clamp(min=0).prod(2)
    areas = (first[:, 2:] - first[:, :2]).prod(1)[:, None] + (second[:, 2:] - second[:, :2]).prod(1)[None]
    return common / (areas - common).clamp(min=1e-6)


def assign(
    raw: Tensor, boxes: Tensor, target: Target, corners: Tensor, strides: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """SimOTA for one picture: indices of the anchors with an object, of their object, and their overlap with it."""
    centres = (corners + 0.5) * strides
    truth = target.boxes
    in_box = torch.cat((centres[None] - truth[:, None, :2], truth[:, None, 2:] - centres[None]), 2).amin(2) > 0
    middles = (truth[:, :2] + truth[:, 2:]) / 2
    near = (centres[None] - middles[:, None]).abs().amax(2) < CENTRE_RADIUS * strides.T
    candidates = (in_box | near).any(0).nonzero()[:, 0]
    if not len(candidates):
        nothing = candidates.new_zeros(0)
        return nothing, nothing, raw.new_zeros(0)
    ious = pairwise_overlap(truth, boxes[candidates])
    scores = (raw[candidates, 5:].sigmoid() * raw[candidates, 4:5].sigmoid()).sqrt().clamp(1e-6, 1 - 1e-6)
    wanted = functional.one_hot(target.classes, scores.shape[1]).to(scores)
    no_class = -torch.log1p(-scores).sum(1)
    class_cost = no_class[None] + wanted @ (torch.log1p(-scores) - scores.log()).T
    outside = ~(in_box & near)[:, candidates]
    cost = class_cost - 3.0 * ious.clamp(min=1e-8).log() + 1e5 * outside
    counts = ious.topk(min(CANDIDATES, ious.shape[1]), 1).values.sum(1).int().clamp(min=1)
    matched = torch.zeros_like(cost, dtype=torch.bool)
    for row, count in enumerate(counts.tolist()):
        matched[row, cost[row].topk(min(count, cost.shape[1]), largest=False).indices] = True
    cheapest = functional.one_hot(cost.argmin(0), len(truth)).T.bool()
    matched &= ~((matched.sum(0) > 1)[None] & ~cheapest)
    objects, anchors = matched.nonzero(as_tuple=True)
    return candidates[anchors], objects, ious[objects, anchors]


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """Which of the points A×2 lie in any of the boxes N×4."""
    edges = (points[None] - boxes[:, None, :2], boxes[:, None, 2:] - points[None])
    return (torch.cat(edges, 2).amin(2) > 0).any(0)


def detection_loss(
    raw: Tensor, targets: list[Target], corners: Tensor, strides: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Mean loss per assigned anchor of logits B×A×(5+C), and its parts."""
    boxes = decode(raw, corners, strides)
    background = torch.ones_like(raw[..., 4])
    denied = torch.zeros_like(background)
    centres = (corners + 0.5) * strides
    box_loss = class_loss = object_loss = raw.sum() * 0
    assigned = 0
    for index, target in enumerate(targets):
        with torch.no_grad():
            if len(target.ignored):
                background[index][_inside(centres, target.ignored)] = 0
            if len(target.neither):
                denied[index] = (pairwise_overlap(target.neither, boxes[index]).amax(0) >= SAME).to(raw)
            if not len(target.boxes):
                continue
            if not target.wheels_known:
                takes_for_wheel = raw[index, :, 5:].argmax(1) == WHEEL
                background[index][takes_for_wheel & _inside(centres, target.boxes)] = 0
            anchors, objects, ious = assign(raw[index], boxes[index], target, corners, strides)
            background[index, anchors] = 0
            denied[index, anchors] = 0
            wanted = functional.one_hot(target.classes[objects], raw.shape[2] - 5).to(raw) * ious[:, None]
        found, truth = boxes[index, anchors], target.boxes[objects]
        corner = torch.maximum(found[:, :2], truth[:, :2])
        opposite = torch.minimum(found[:, 2:], truth[:, 2:])
        common = (opposite - corner).clamp(min=0).prod(1)
        union = (found[:, 2:] - found[:, :2]).prod(1) + (truth[:, 2:] - truth[:, :2]).prod(1) - common
        box_loss = box_loss + (1 - (common / union.clamp(min=1e-6)) ** 2).sum()
        own = raw[index, anchors]
        class_loss = class_loss + functional.binary_cross_entropy_with_logits(own[:, 5:], wanted, reduction="sum")
        object_loss = object_loss + functional.softplus(-own[:, 4]).sum()
        assigned += len(anchors)
    count = max(assigned, 1)
    scores = raw[..., 4:5].sigmoid() * raw[..., 5:].sigmoid()
    silence = -torch.log1p(-scores.clamp(max=1 - 1e-6))
    background_loss = (silence.sum(2) * background).sum()
    background_loss = background_loss + (silence[..., VEHICLES].sum(2) * denied * (1 - background)).sum()
    total = (BOX_WEIGHT * box_loss + object_loss + class_loss + background_loss) / count
    parts = {"box": box_loss, "object": object_loss, "class": class_loss, "background": background_loss}
    return total, {name: float(part.detach()) / count for name, part in parts.items()}
