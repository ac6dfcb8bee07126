"""ConstrainedROIHeads: the box branch names the technique; its refined boxes guide the mask branch."""

from __future__ import annotations

import torch
from detectron2.config import configurable
from detectron2.layers import ShapeSpec, cat
from detectron2.modeling import ROI_HEADS_REGISTRY, ROIHeads
from detectron2.modeling.poolers import ROIPooler
from detectron2.modeling.roi_heads import FastRCNNOutputLayers
from detectron2.structures import Boxes, Instances, pairwise_iou
from detectron2.utils.events import get_event_storage
from torch import nn
from torch.nn import functional as F

from .attention_rpn import ATTENDED_FEATURE
from .backbone import make_resnet_stage
from .mask_head import MaskPredictor, SkipFusion
from .mask_targets import crop_mask_to_boxes
from .precision import in_float32


class BoxPredictor(FastRCNNOutputLayers):
    """Detectron2's output layers, in float32."""

    @in_float32
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            x: (R, C) one feature per box.

        Returns:
            Scores (R, K + 1), the last for "authentic", and box deltas (R, 4K), float32.
        """
        return super().forward(x)


@ROI_HEADS_REGISTRY.register()
class ConstrainedROIHeads(ROIHeads):
    """Faster R-CNN's res5 head, and a mask branch of its own behind it.

    Unlike Mask R-CNN, the mask branch crops another feature (the skip fusion of C3 and the attended RPN
    feature), has its own res5, and sees boxes after refinement, in training and at test alike.
    """

    @configurable
    def __init__(
        self,
        *,
        box_in_feature: str,
        box_pooler: ROIPooler,
        res5: nn.Module,
        box_predictor: nn.Module,
        mask_in_feature: str | None = None,
        mask_fusion: nn.Module | None = None,
        mask_pooler: ROIPooler | None = None,
        mask_res5: nn.Module | None = None,
        mask_predictor: nn.Module | None = None,
        mask_batch_size_per_image: int = 8,
        mask_iou_threshold: float = 0.5,
        **kwargs,
    ):
        """
        Args:
            box_in_feature: name of the feature the box branch crops (res4).
            box_pooler, res5, box_predictor: crop, per-box network, and Detectron2's output layers.
            mask_in_feature: with ``mask_fusion`` the low-level input of the fusion (res3); without it the
                feature that is cropped directly (res4).
            mask_fusion: SkipFusion, or None.
            mask_pooler, mask_res5, mask_predictor: as for the boxes; all None: no mask branch (stage 1).
                The name mask_res5 keeps Detectron2's checkpoint matcher, which compares endings, from
                taking it for res5.
            mask_batch_size_per_image: boxes per image in a training step of the mask branch.
            mask_iou_threshold: least overlap of a refined box with a ground-truth box to train on it.
            kwargs: see :class:`ROIHeads`.
        """
        super().__init__(**kwargs)
        self.box_in_feature = box_in_feature
        self.box_pooler = box_pooler
        self.res5 = res5
        self.box_predictor = box_predictor
        self.mask_on = mask_predictor is not None
        if self.mask_on:
            self.mask_in_feature = mask_in_feature
            self.mask_fusion = mask_fusion
            self.mask_pooler = mask_pooler
            self.mask_res5 = mask_res5
            self.mask_predictor = mask_predictor
            self.mask_batch_size_per_image = mask_batch_size_per_image
            self.mask_iou_threshold = mask_iou_threshold

    @classmethod
    def from_config(cls, cfg, input_shape: dict[str, ShapeSpec]):
        ret = super().from_config(cfg)
        (feature,) = cfg.MODEL.ROI_HEADS.IN_FEATURES
        res5_channels = cfg.MODEL.RESNETS.RES2_OUT_CHANNELS * 8
        ret.update(
            box_in_feature=feature,
            box_pooler=_pooler(cfg.MODEL.ROI_BOX_HEAD, input_shape[feature].stride),
            res5=make_resnet_stage(cfg, 5, cfg.MODEL.ROI_BOX_HEAD.NORM or None),
            box_predictor=BoxPredictor(cfg, ShapeSpec(channels=res5_channels, height=1, width=1)),
        )
        if cfg.MODEL.MASK_ON:
            ret.update(cls._mask_branch_from_config(cfg, input_shape, feature, res5_channels))
        return ret

    @classmethod
    def _mask_branch_from_config(cls, cfg, input_shape, box_feature, res5_channels):
        low, high = input_shape["res3"], input_shape[box_feature]
        guided = cfg.MODEL.GUIDED_MASK
        fusion = None
        if guided.FUSION:
            fusion = SkipFusion(low.channels, high.channels, guided.FUSION_STRIDE == low.stride)
        return {
            "mask_in_feature": "res3" if guided.FUSION else box_feature,
            "mask_fusion": fusion,
            "mask_pooler": _pooler(cfg.MODEL.ROI_MASK_HEAD, guided.FUSION_STRIDE if guided.FUSION else high.stride),
            "mask_res5": make_resnet_stage(cfg, 5, cfg.MODEL.ROI_BOX_HEAD.NORM or None),
            "mask_predictor": MaskPredictor(cfg, res5_channels),
            "mask_batch_size_per_image": guided.BATCH_SIZE_PER_IMAGE,
            "mask_iou_threshold": cfg.MODEL.ROI_HEADS.IOU_THRESHOLDS[-1],
        }

    def forward(self, images, features, proposals, targets=None):
        """As :meth:`ROIHeads.forward`.

        Args:
            features: C3 ("res3"), C4 ("res4") and, when the mask branch fuses, R (``ATTENDED_FEATURE``).
            targets: in training; with the mask branch each needs ``gt_complete_mask``: a BitMasks whose every
                entry is the image's complete ground-truth mask (an expanded view; none if no instance).

        Returns:
            In training: [] and the losses loss_cls, loss_box_reg and loss_mask. At test: per image an
            Instances with pred_boxes (XYXY in the network's pixels), pred_classes, scores (of that class),
            manipulation_scores (of all classes together, 1 - P(background)), technique_scores ((R, K), of each
            class) and, with the mask branch, pred_masks (R, 1, M, M) float32 in [0, 1]; and {}.
        """
        if self.training:
            # Masks stay behind: sampling would copy a full-size mask for each of hundreds of proposals.
            slim = [Instances(t.image_size, gt_boxes=t.gt_boxes, gt_classes=t.gt_classes) for t in targets]
            proposals = self.label_and_sample_proposals(proposals, slim)
        crops = self.box_pooler([features[self.box_in_feature]], [p.proposal_boxes for p in proposals])
        predictions = self.box_predictor(self.res5(crops).mean(dim=(2, 3)))
        if self.training:
            losses = self.box_predictor.losses(predictions, proposals)
            if self.mask_on:
                boxes = self._mask_training_boxes(predictions, proposals, targets)
                losses["loss_mask"] = self._mask_loss(features, boxes, targets)
            return [], losses
        instances, kept_rows = self.box_predictor.inference(predictions, proposals)
        for image, probabilities, rows in zip(
            instances, self.box_predictor.predict_probs(predictions, proposals), kept_rows
        ):
            # A network unsure of the technique can be sure of the manipulation.
            image.manipulation_scores = 1 - probabilities[rows, -1]
            image.technique_scores = probabilities[rows, :-1]
        return self.forward_with_given_boxes(features, instances), {}

    def forward_with_given_boxes(self, features, instances: list[Instances]) -> list[Instances]:
        """Adds ``pred_masks`` to instances that have ``pred_boxes``; see :meth:`forward`."""
        if self.mask_on:
            masks = self._mask_logits(features, [x.pred_boxes for x in instances]).float().sigmoid()
            for image, image_masks in zip(instances, masks.split([len(x) for x in instances])):
                image.pred_masks = image_masks
        return instances

    def _mask_logits(self, features, boxes: list[Boxes]) -> torch.Tensor:
        """Mask logits (sum of boxes, 1, M, M) for the boxes of each image, in the network's pixels."""
        feature = features[self.mask_in_feature]
        if self.mask_fusion is not None:
            feature = self.mask_fusion(feature, features[ATTENDED_FEATURE])
        crops = self.mask_pooler([feature], boxes)
        if len(crops) == 0:
            size = self.mask_pooler.output_size[0]
            return crops.new_zeros(0, 1, size, size)
        return self.mask_predictor(self.mask_res5(crops))

    @torch.no_grad()
    def _mask_training_boxes(self, predictions, proposals, targets) -> list[Boxes]:
        """Picks the boxes the mask branch trains on: refined as at test, then matched to the truth again.

        Every sampled foreground proposal is refined with its ground-truth class's deltas; the ground-truth
        boxes follow as they are, so that an early, wild refinement cannot leave the branch without work.
        """
        refined = self.box_predictor.predict_boxes_for_gt_classes(predictions, proposals)
        training_boxes = []
        for boxes, sampled, target in zip(refined, proposals, targets):
            foreground = (sampled.gt_classes >= 0) & (sampled.gt_classes < self.num_classes)
            candidates = Boxes.cat([Boxes(boxes[foreground].float()), target.gt_boxes])
            candidates.clip(target.image_size)
            candidates = candidates[candidates.nonempty() & candidates.tensor.isfinite().all(dim=1)]
            if len(candidates) and len(target):
                overlap = pairwise_iou(candidates, target.gt_boxes).amax(dim=1)
                candidates = candidates[overlap >= self.mask_iou_threshold]
            training_boxes.append(candidates[: self.mask_batch_size_per_image])
        return training_boxes

    def _mask_loss(self, features, boxes: list[Boxes], targets) -> torch.Tensor:
        """Binary cross-entropy against the complete mask inside each box.

        Without any box the branch runs on one dummy box and the loss is zero, so that every parameter still
        gets a gradient: with several processes the others would wait for it for ever.
        """
        count = sum(len(b) for b in boxes)
        get_event_storage().put_scalar("roi_head/num_mask_boxes", count / len(boxes))
        if count == 0:
            height, width = targets[0].image_size
            dummy = Boxes(features[self.mask_in_feature].new_tensor([[0, 0, width, height]], dtype=torch.float32))
            return self._mask_logits(features, [dummy, *boxes[1:]]).float().sum() * 0
        logits = self._mask_logits(features, boxes).float()
        mask_targets = cat(
            [
                crop_mask_to_boxes(t.gt_complete_mask.tensor[0], b.tensor, logits.shape[-1])
                for t, b in zip(targets, boxes)
                if len(b)
            ]
        )
        return F.binary_cross_entropy_with_logits(logits, mask_targets[:, None])


def _pooler(head, stride: int) -> ROIPooler:
    """The crop a head's config node (POOLER_*) asks for, on a feature of the given stride."""
    return ROIPooler(
        output_size=head.POOLER_RESOLUTION,
        scales=(1.0 / stride,),
        sampling_ratio=head.POOLER_SAMPLING_RATIO,
        pooler_type=head.POOLER_TYPE,
    )
