"""ConstrainedRCNN: GeneralizedRCNN whose results also hold a full-image map and an image score."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY, GeneralizedRCNN, build_sem_seg_head
from detectron2.modeling.postprocessing import detector_postprocess
from detectron2.structures import ImageList
from torch import nn

from .decision_head import DecisionHead, decision_loss
from .dense_map import dense_map_losses, upsample_logits
from .error_levels import ERROR_LEVELS, batch_error_levels
from .manipulation_map import fuse_maps, image_score, merge_instances, resize_map


@META_ARCH_REGISTRY.register()
class ConstrainedRCNN(GeneralizedRCNN):
    """Adds ``manipulation_map`` and ``manipulation_score`` to every result; all else is GeneralizedRCNN."""

    #: Whether the model resizes test images itself; then they are neither tiled nor shown at several scales.
    resizes_images = False
    #: What its checkpoint knows of untouched images' scores; set where one is loaded.
    operating_points = None

    @configurable
    def __init__(
        self,
        *,
        score_weighted: bool = True,
        bfloat16: bool = False,
        dense_map: nn.Module | None = None,
        decision: nn.Module | None = None,
        fusion: str = "max",
        exponent: float = 1.0,
        **kwargs,
    ):
        """
        Args:
            score_weighted: weigh each mask by its box's manipulation score when merging (False: as in the
                paper).
            bfloat16: run convolutions of test images in bfloat16; results are float32 all the same.
            dense_map: :class:`.dense_map.DenseMapHead`; None: the map comes from the boxes alone (paper).
            decision: :class:`.decision_head.DecisionHead`, which needs ``dense_map``; None: an image's score is its
                map's maximum.
            fusion, exponent: how the two maps become one, see :func:`.manipulation_map.fuse_maps`.
            kwargs: see :class:`GeneralizedRCNN`.
        """
        super().__init__(**kwargs)
        self.score_weighted = score_weighted
        self.bfloat16 = bfloat16
        self.dense_map = dense_map
        self.decision = decision
        self.fusion = fusion
        self.exponent = exponent
        #: Whether a training step's forward pass runs in bfloat16; the trainer sets it by SOLVER.AMP on a CPU.
        self.bfloat16_training = False

    @classmethod
    def from_config(cls, cfg):
        ret = super().from_config(cfg)
        dense = cfg.MODEL.DENSE_MAP
        if dense.ENABLED:
            ret["dense_map"] = build_sem_seg_head(cfg, ret["backbone"].output_shape())
            if cfg.MODEL.DECISION_HEAD.ENABLED:
                ret["decision"] = DecisionHead(dense.CHANNELS)
        return {
            **ret,
            "score_weighted": cfg.MODEL.MANIPULATION_MAP.SCORE_WEIGHTED,
            "bfloat16": cfg.TEST.BFLOAT16,
            "fusion": dense.FUSION,
            "exponent": dense.EXPONENT,
        }

    def forward(self, batched_inputs):
        """As :meth:`GeneralizedRCNN.forward`; the dense path adds the losses loss_dense_map and loss_decision.

        In training each input holds "image" (3, H, W) uint8, "instances" and, with the dense path, "sem_seg",
        (H, W) integers, 1 where a pixel is manipulated.
        """
        if not self.training:
            return self.inference(batched_inputs)
        with torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16_training else nullcontext():
            return self._losses(batched_inputs)

    def _losses(self, batched_inputs) -> dict[str, torch.Tensor]:
        images = self.preprocess_image(batched_inputs)
        targets = [item["instances"].to(self.device) for item in batched_inputs]
        features = self.backbone(images.tensor)
        proposals, losses = self.proposal_generator(images, features, targets)
        losses.update(self.roi_heads(images, features, proposals, targets)[1])
        if self.dense_map is not None:
            masks = [item["sem_seg"].to(self.device) for item in batched_inputs]
            masks = ImageList.from_tensors(masks, self.backbone.size_divisibility).tensor
            logits, feature = self._dense(batched_inputs, images, features)
            losses["loss_dense_map"] = dense_map_losses(logits, masks)
            if self.decision is not None:
                losses["loss_decision"] = decision_loss(self.decision(logits, feature), masks)
        return losses

    def inference(self, batched_inputs, detected_instances=None, do_postprocess=True):
        """As :meth:`GeneralizedRCNN.inference`, with more entries in each result.

        Images of different sizes are not padded to a common one but run one size after the other, so a
        image's result does not depend on its batch mates.

        Returns:
            Per image a dict with "instances", "manipulation_map", (height, width) float32 in [0, 1] at the
            image's original resolution, and "manipulation_score", float in [0, 1]; both also when nothing
            was detected. "dense_map", like the map, and "decision", the score where a head of its own decides, are None
            where the model has no such head. The instances keep their soft masks as ``soft_masks`` (R, M, M) float32 in
            [0, 1]. An input with ``"paste_masks": False`` gets no ``pred_masks``, R times the size of its image.
            With ``do_postprocess=False`` the raw Instances.
        """
        results = [None] * len(batched_inputs)
        for indices in _same_size(batched_inputs):
            batch = [batched_inputs[i] for i in indices]
            given_instances = None if detected_instances is None else [detected_instances[i] for i in indices]
            with self._precision():
                raw = self._run(batch, given_instances)
            for index, output in zip(indices, raw):
                results[index] = output
        if not do_postprocess:
            return [instances for instances, _, _ in results]
        return [self._finish(*output, item) for output, item in zip(results, batched_inputs)]

    def _run(self, batch, given_instances):
        """Images of one size -> of each its instances, dense logits (1, 1, h, w) and decision in [0, 1].

        Logits and decision are None where the model has no such head.
        """
        images = self.preprocess_image(batch)
        features = self.backbone(images.tensor)
        if given_instances is None:
            proposals, _ = self.proposal_generator(images, features, None)
            instances, _ = self.roi_heads(images, features, proposals, None)
        else:
            instances = self._masks_of_given_boxes(images, features, [x.to(self.device) for x in given_instances])
        if self.dense_map is None:
            return [(item, None, None) for item in instances]
        logits, feature = self._dense(batch, images, features)
        scores = [None] * len(batch)
        if self.decision is not None:
            scores = self.decision(logits, feature).sigmoid().tolist()
        return list(zip(instances, logits.float().split(1), scores))

    def _precision(self):
        """Autocast to bfloat16 where that is asked for; else whatever the caller has set."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()

    def describe(self, image: torch.Tensor) -> torch.Tensor:
        """What the decision head is given for one image: (3, H, W) uint8 -> (D,) float32, see DecisionHead.describe."""
        batch = [{"image": image}]
        images = self.preprocess_image(batch)
        features = self.backbone(images.tensor)
        self.proposal_generator.attend(images, features)
        return self.decision.describe(*self._dense(batch, images, features))[0]

    def _dense(self, batch, images, features):
        """The dense path's logits and feature; ``features`` must hold the attended one."""
        if self.dense_map.qualities:
            pixels = [item["image"].to(self.device) for item in batch]
            size = images.tensor.shape[-2:]
            features[ERROR_LEVELS] = batch_error_levels(pixels, size, self.dense_map.qualities, self.input_format)
        return self.dense_map(features)

    def _masks_of_given_boxes(self, images, features, instances):
        """Masks for known boxes; the attended feature they need is computed although no proposals are."""
        self.proposal_generator.attend(images, features)
        return self.roi_heads.forward_with_given_boxes(features, instances)

    def _finish(self, raw, logits, decision, item) -> dict:
        """What the network says in its own pixels -> the result in the original image's."""
        if raw.has("pred_masks"):
            raw.soft_masks = raw.pred_masks[:, 0]  # Detectron2's postprocessing makes pred_masks binary.
            if not item.get("paste_masks", True):
                raw.remove("pred_masks")
        height, width = item.get("height", raw.image_size[0]), item.get("width", raw.image_size[1])
        instances = detector_postprocess(raw, height, width)
        merged = merge_instances(
            instances.pred_boxes.tensor,
            instances.soft_masks if instances.has("soft_masks") else None,
            _weights(instances) if self.score_weighted else None,
            height,
            width,
        )
        dense = None
        if logits is not None:
            dense = resize_map(upsample_logits(logits, raw.image_size), (height, width))
            merged = fuse_maps(merged, dense, self.fusion, self.exponent)
        return {
            "instances": instances,
            "dense_map": dense,
            "decision": decision,
            "manipulation_map": merged,
            "manipulation_score": image_score(merged) if decision is None else decision,
        }


def _weights(instances) -> torch.Tensor | None:
    """What is known of how surely each box is manipulated; (R,) in [0, 1], None for boxes that were given."""
    for field in ("manipulation_scores", "scores"):
        if instances.has(field):
            return instances.get(field)
    return None


def _same_size(batched_inputs: list[dict]) -> list[list[int]]:
    """Groups the indices of a batch by the size of the image tensor, in order of first appearance."""
    groups: dict[torch.Size, list[int]] = {}
    for index, item in enumerate(batched_inputs):
        groups.setdefault(item["image"].shape[-2:], []).append(index)
    return list(groups.values())
