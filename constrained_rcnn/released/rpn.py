"""The released RPN: rounded anchors, its own order in CBAM, and proposals on ``+ 1`` boxes."""

from __future__ import annotations

import numpy as np
import torch
from detectron2.modeling import PROPOSAL_GENERATOR_REGISTRY
from detectron2.modeling.anchor_generator import ANCHOR_GENERATOR_REGISTRY, DefaultAnchorGenerator
from detectron2.structures import Boxes, Instances

from ..modeling.attention_rpn import AttentionRPN
from ..modeling.cbam import CBAM
from .boxes import ReleasedBoxTransform, clip, nms

#: Side of the square all anchors come from, pixels; also the stride of the feature.
BASE = 16


@ANCHOR_GENERATOR_REGISTRY.register()
class ReleasedAnchorGenerator(DefaultAnchorGenerator):
    """Anchors with sides rounded at the base size, around the middle of the first 16x16 pixels.

    Their order is Detectron2's (sizes outside, ratios inside); the converter sorts the channels accordingly.
    """

    def generate_cell_anchors(self, sizes=(32, 64, 128, 256, 512), aspect_ratios=(0.5, 1, 2)):
        """
        Args:
            sizes: square roots of the areas, pixels.
            aspect_ratios: heights over widths.

        Returns:
            (len(sizes) * len(aspect_ratios), 4) float32, XYXY pixels, last corners inside the box.
        """
        anchors = []
        for size in sizes:
            for ratio in aspect_ratios:
                width = np.round(np.sqrt(BASE * BASE / ratio))
                half = np.array([width, np.round(width * ratio)]) * (size / BASE) / 2 - 0.5
                anchors.append([*((BASE - 1) / 2 - half), *((BASE - 1) / 2 + half)])
        return torch.tensor(np.array(anchors), dtype=torch.float32)


class ReleasedCBAM(CBAM):
    """CBAM with a ReLU at the end of its MLP and the spatial gate taken from the module's input."""

    def forward(self, x: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """As :meth:`CBAM.forward`; the channel gate lies in [0.5, 1)."""
        if valid is None:
            mean, peak = x.mean(dim=(2, 3)), x.amax(dim=(2, 3))
        else:
            mean = (x * valid).sum(dim=(2, 3)) / valid.sum(dim=(2, 3))
            peak = x.masked_fill(~valid, float("-inf")).amax(dim=(2, 3))
        channel = torch.sigmoid(self.mlp(peak).relu() + self.mlp(mean).relu())[:, :, None, None]
        summary = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        if valid is not None:
            summary = summary * valid
        return x * channel * torch.sigmoid(self.spatial(summary))


@PROPOSAL_GENERATOR_REGISTRY.register()
class ReleasedRPN(AttentionRPN):
    """The attention RPN with the released CBAM and box arithmetic, and without a least box size.

    The released softmax over a pair of scores is the sigmoid of their difference, so one objectness logit
    per anchor says the same; the converter subtracts.
    """

    @classmethod
    def from_config(cls, cfg, input_shape):
        ret = super().from_config(cfg, input_shape)
        width = ret["conv"].out_channels
        ret["attention"] = ReleasedCBAM(width, width // 2)
        ret["box2box_transform"] = ReleasedBoxTransform(cfg.MODEL.RPN.BBOX_REG_WEIGHTS)
        return ret

    @torch.no_grad()
    def predict_proposals(self, anchors, pred_objectness_logits, pred_anchor_deltas, image_sizes):
        """As :meth:`RPN.predict_proposals`, on one feature.

        Args:
            anchors: one Boxes (A, 4).
            pred_objectness_logits: one tensor (N, A).
            pred_anchor_deltas: one tensor (N, A, 4).
            image_sizes: N times (height, width), pixels.

        Returns:
            N Instances with proposal_boxes, XYXY in the network's pixels, and objectness_logits, best first.
        """
        (anchors,), (logits,), (deltas,) = anchors, pred_objectness_logits, pred_anchor_deltas
        proposals = []
        for scores, d, size in zip(logits.float(), deltas, image_sizes):
            scores, best = scores.topk(min(self.pre_nms_topk[self.training], len(scores)))
            boxes = self.box2box_transform.apply_deltas(d[best], anchors.tensor[best])
            boxes = clip(boxes, *size)
            finite = boxes.isfinite().all(dim=1) & scores.isfinite()
            boxes, scores = boxes[finite], scores[finite]
            keep = nms(boxes, scores, torch.zeros_like(scores, dtype=torch.int64), self.nms_thresh)
            keep = keep[: self.post_nms_topk[self.training]]
            proposals.append(Instances(size, proposal_boxes=Boxes(boxes[keep]), objectness_logits=scores[keep]))
        return proposals
