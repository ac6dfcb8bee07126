"""The network as one function of tensors whose shapes depend on the image's size alone: what exporters can follow.

Detectron2's structures, and sizes that depend on what was found, stay outside: proposals and detections have a fixed
number of rows here, those behind the last valid one hold nothing. The layers are the model's own.

Notation: Q qualities of error levels, R proposals, K techniques, D detections, M cells along a side of a mask.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import nms, roi_align

from ..utils.errors import UserError
from .attention_rpn import ATTENDED_FEATURE
from .decision_head import TOP_SHARES
from .dense_map import upsample_logits
from .error_levels import ERROR_LEVELS, STRIDE
from .meta_arch import ConstrainedRCNN

#: What the network gives, in this order; those that it has no head for are left out.
OUTPUTS = ("boxes", "technique_scores", "manipulation_scores", "labels", "count", "masks", "dense_map", "decision")


class ExportableNetwork(nn.Module):
    """A ConstrainedRCNN for one image of any size."""

    def __init__(self, model: nn.Module):
        """
        Args:
            model: a ConstrainedRCNN in evaluation mode.

        Raises:
            UserError: another network, or one that is built in a way that is not followed here.
        """
        super().__init__()
        _check(model)
        self.model = model
        self.outputs = [name for name in OUTPUTS if _has(model, name)]
        rpn, heads = model.proposal_generator, model.roi_heads
        self.before_nms, self.proposals = rpn.pre_nms_topk[False], rpn.post_nms_topk[False]
        predictor = heads.box_predictor
        self.classes, self.detections = predictor.num_classes, predictor.test_topk_per_image
        self.register_buffer("cell_anchors", next(iter(rpn.anchor_generator.cell_anchors)).clone(), persistent=False)

    def forward(self, image: torch.Tensor, changes: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """
        Args:
            image: (H, W, 3) uint8, in the model's channel order.
            changes: (Q, H, W) uint8, what saving the image as JPEG changes, of the channel that changes most; where
                the model has error levels.

        Returns:
            What ``outputs`` names: boxes (D, 4) float32, XYXY in the image's pixels; technique_scores (D, K) and
            manipulation_scores (D,) float32 in [0, 1]; labels (D,) int64, the technique that each stands for;
            count, (1,) int64: so many rows are detections, best score first; masks (D, M, M) and dense_map (H, W)
            float32 in [0, 1]; decision (1,) float32 in [0, 1].
        """
        model = self.model
        size = image.shape[:2]
        pixels = (image.permute(2, 0, 1).float() - model.pixel_mean) / model.pixel_std
        features = model.backbone(pixels[None])
        rpn = model.proposal_generator
        hidden = F.relu(rpn.conv(features[rpn.source_feature]))
        features[ATTENDED_FEATURE] = hidden if rpn.attention is None else rpn.attention(hidden)
        found = self._detections(features, self._proposals(features[ATTENDED_FEATURE], size), size)
        if "masks" in self.outputs:
            found["masks"] = self._masks(features, found["boxes"])
        if model.dense_map is not None:
            if changes is not None:
                features[ERROR_LEVELS] = torch.log1p(_cell_means(changes.float()[None]))
            logits, fused = model.dense_map(features)
            found["dense_map"] = upsample_logits(logits, size)
            if model.decision is not None:
                found["decision"] = model.decision.decide(_description(logits, fused)).sigmoid()
        return tuple(found[name] for name in self.outputs)

    def _proposals(self, attended: torch.Tensor, size) -> torch.Tensor:
        """(R, 4) boxes XYXY; behind the last proposal boxes of no area."""
        rpn = self.model.proposal_generator
        logits, deltas = (part[0] for part in rpn.rpn_head([attended]))
        logits = logits[0].permute(1, 2, 0).flatten()
        deltas = deltas[0].reshape(-1, 4, *deltas.shape[2:]).permute(2, 3, 0, 1).reshape(-1, 4)
        boxes = _decode(deltas, self._anchors(attended.shape[2:]), rpn.box2box_transform)
        # A small image has fewer anchors than are looked at.
        logits = torch.cat([logits, logits.new_full((self.before_nms,), float("-inf"))])
        boxes = torch.cat([boxes, boxes.new_zeros(self.before_nms, 4)])
        logits, order = logits.topk(self.before_nms)
        boxes = boxes[order]
        valid = boxes.isfinite().all(dim=1) & logits.isfinite()
        boxes = _clip(boxes, size)
        valid &= (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        boxes = torch.where(valid[:, None], boxes, 0)
        kept = _first(nms(boxes, torch.where(valid, logits, float("-inf")), rpn.nms_thresh), self.proposals)
        return torch.cat([boxes, boxes.new_zeros(1, 4)])[kept]

    def _anchors(self, cells) -> torch.Tensor:
        """(h w A, 4) boxes XYXY of a feature of (h, w) cells."""
        generator = self.model.proposal_generator.anchor_generator
        stride, offset = generator.strides[0], generator.offset
        y, x = (torch.arange(count, dtype=torch.float32) * stride + offset * stride for count in cells)
        y, x = y[:, None].expand(-1, x.shape[0]).reshape(-1), x[None].expand(y.shape[0], -1).reshape(-1)
        return (torch.stack([x, y, x, y], dim=1)[:, None] + self.cell_anchors[None]).reshape(-1, 4)

    def _detections(self, features, proposals: torch.Tensor, size) -> dict[str, torch.Tensor]:
        heads = self.model.roi_heads
        predictor = heads.box_predictor
        crops = _crop(features[heads.box_in_feature], proposals, heads.box_pooler)
        logits, deltas = predictor(heads.res5(crops).mean(dim=(2, 3)))
        scores = logits.softmax(dim=1)
        deltas = deltas.reshape(-1, self.classes, 4)
        boxes = torch.stack(
            [_decode(deltas[:, label], proposals, predictor.box2box_transform) for label in range(self.classes)], dim=1
        ).reshape(-1, 4)
        there = (proposals[:, 2] > proposals[:, 0]) & scores.isfinite().all(dim=1)
        whole = boxes.isfinite().reshape(-1, 4 * self.classes).all(dim=1) & there
        flat = scores[:, :-1].reshape(-1)
        valid = (flat > predictor.test_score_thresh) & whole[:, None].expand(-1, self.classes).reshape(-1)
        flat, boxes = torch.where(valid, flat, -1.0), torch.where(valid[:, None], _clip(boxes, size), 0)
        labels = torch.arange(self.classes).repeat(self.proposals)
        # Boxes of different techniques are moved apart, so that none suppresses another.
        apart = boxes + (labels * (boxes.max() + 1))[:, None]
        kept = _first(nms(apart, flat, predictor.test_nms_thresh), self.detections)
        flat, boxes = (torch.cat([part, part.new_zeros(1, *part.shape[1:])])[kept] for part in (flat, boxes))
        rows = (kept // self.classes).clamp(max=self.proposals - 1)
        return {
            "boxes": boxes,
            "technique_scores": scores[rows, :-1],
            "manipulation_scores": 1 - scores[rows, -1],
            "labels": kept % self.classes,
            "count": (flat > max(predictor.test_score_thresh, 0)).sum()[None],
        }

    def _masks(self, features, boxes: torch.Tensor) -> torch.Tensor:
        heads = self.model.roi_heads
        feature = features[heads.mask_in_feature]
        if heads.mask_fusion is not None:
            feature = heads.mask_fusion(feature, features[ATTENDED_FEATURE])
        crops = _crop(feature, boxes, heads.mask_pooler)
        return heads.mask_predictor(heads.mask_res5(crops))[:, 0].sigmoid()


def _check(model) -> None:
    if type(model) is not ConstrainedRCNN:
        raise UserError(f"MODEL.META_ARCHITECTURE {type(model).__name__}: cannot be exported; ConstrainedRCNN can")
    predictor = model.roi_heads.box_predictor
    if predictor.bbox_pred.out_features != 4 * predictor.num_classes:
        raise UserError("MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG True: cannot be exported; False can")
    for key, pooler in (("BOX", model.roi_heads.box_pooler), ("MASK", getattr(model.roi_heads, "mask_pooler", None))):
        (layer,) = [None] if pooler is None else pooler.level_poolers
        if layer is not None and not getattr(layer, "aligned", False):
            raise UserError(f"MODEL.ROI_{key}_HEAD.POOLER_TYPE: cannot be exported; ROIAlignV2 can")


def _has(model, output: str) -> bool:
    needs = {"masks": model.roi_heads.mask_on, "dense_map": model.dense_map, "decision": model.decision}
    return needs.get(output, True) not in (None, False)


def _first(kept: torch.Tensor, count: int) -> torch.Tensor:
    """The first of the indices, and as many -1 as are missing."""
    return torch.cat([kept, kept.new_full((count,), -1)])[:count]


def _decode(deltas: torch.Tensor, boxes: torch.Tensor, transform) -> torch.Tensor:
    """Detectron2's Box2BoxTransform.apply_deltas, which is a script of its own; (N, 4) each."""
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    x, y = boxes[:, 0] + 0.5 * widths, boxes[:, 1] + 0.5 * heights
    wx, wy, ww, wh = transform.weights
    x, y = deltas[:, 0] / wx * widths + x, deltas[:, 1] / wy * heights + y
    widths = torch.exp((deltas[:, 2] / ww).clamp(max=transform.scale_clamp)) * widths
    heights = torch.exp((deltas[:, 3] / wh).clamp(max=transform.scale_clamp)) * heights
    return torch.stack([x - 0.5 * widths, y - 0.5 * heights, x + 0.5 * widths, y + 0.5 * heights], dim=1)


def _clip(boxes: torch.Tensor, size) -> torch.Tensor:
    height, width = size
    columns = [boxes[:, 0].clamp(0, width), boxes[:, 1].clamp(0, height)]
    return torch.stack([*columns, boxes[:, 2].clamp(0, width), boxes[:, 3].clamp(0, height)], dim=1)


def _crop(feature: torch.Tensor, boxes: torch.Tensor, pooler) -> torch.Tensor:
    (layer,) = pooler.level_poolers
    rois = torch.cat([boxes.new_zeros(len(boxes), 1), boxes], dim=1)
    return roi_align(feature, rois, layer.output_size, layer.spatial_scale, layer.sampling_ratio, True)


def _cell_means(x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(x, STRIDE, ceil_mode=True, count_include_pad=False)


def _description(logits: torch.Tensor, feature: torch.Tensor) -> torch.Tensor:
    """DecisionHead.describe with sizes that are not known yet; (1, 1, h, w) and (1, C, h8, w8)."""
    logits = _adaptive_means(logits, feature.shape[2:])
    weight = logits.sigmoid()
    weighted = (feature * weight).sum(dim=(2, 3)) / (weight.sum(dim=(2, 3)) + 1e-6)
    ordered = logits.flatten().sort(descending=True).values
    place = torch.arange(ordered.shape[0], dtype=torch.float64)
    count = place.shape[0] * torch.ones(1, dtype=torch.float64)
    tops = []
    for share in TOP_SHARES:
        chosen = (share * count).round().clamp(min=1)
        tops.append(torch.where(place < chosen, ordered, 0).sum()[None] / chosen.float())
    return torch.cat([feature.mean(dim=(2, 3)), weighted, torch.stack(tops, dim=1)], dim=1)


def _adaptive_means(x: torch.Tensor, size) -> torch.Tensor:
    """adaptive_avg_pool2d as two matrix products, one along each side."""
    rows, columns = (_means(before, after) for before, after in zip(x.shape[2:], size))
    return rows @ x @ columns.T


def _means(before: int, after: int) -> torch.Tensor:
    """(after, before) matrix: each row the mean of the cells that adaptive_avg_pool2d joins."""
    cell, place = torch.arange(before)[None], torch.arange(after)[:, None]
    start, end = place * before // after, ((place + 1) * before + after - 1) // after
    inside = ((cell >= start) & (cell < end)).float()
    return inside / inside.sum(dim=1, keepdim=True)
