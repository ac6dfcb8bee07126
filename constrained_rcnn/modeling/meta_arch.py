"""ConstrainedRCNN: GeneralizedRCNN whose results also hold a full-image map and an image score."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY, GeneralizedRCNN
from detectron2.modeling.postprocessing import detector_postprocess

from .manipulation_map import image_score, merge_instances


@META_ARCH_REGISTRY.register()
class ConstrainedRCNN(GeneralizedRCNN):
    """Adds ``manipulation_map`` and ``manipulation_score`` to every result; all else is GeneralizedRCNN."""

    #: Whether the model resizes test images itself; then they are neither tiled nor shown at several scales.
    resizes_images = False

    @configurable
    def __init__(self, *, score_weighted: bool = True, bfloat16: bool = False, **kwargs):
        """
        Args:
            score_weighted: weigh each mask by its box's manipulation score when merging (False: as in the
                paper).
            bfloat16: run convolutions of test images in bfloat16; results are float32 all the same.
            kwargs: see :class:`GeneralizedRCNN`.
        """
        super().__init__(**kwargs)
        self.score_weighted = score_weighted
        self.bfloat16 = bfloat16

    @classmethod
    def from_config(cls, cfg):
        return {
            **super().from_config(cfg),
            "score_weighted": cfg.MODEL.MANIPULATION_MAP.SCORE_WEIGHTED,
            "bfloat16": cfg.TEST.BFLOAT16,
        }

    def inference(self, batched_inputs, detected_instances=None, do_postprocess=True):
        """As :meth:`GeneralizedRCNN.inference`, with two more entries in each result.

        Images of different sizes are not padded to a common one but run one size after the other, so a
        picture's result does not depend on its batch mates.

        Returns:
            Per image a dict with "instances", "manipulation_map", (height, width) float32 in [0, 1] at the
            image's original resolution, and "manipulation_score", float in [0, 1]; both also when nothing
            was detected. The instances keep their soft masks as ``soft_masks`` (R, M, M) float32 in [0, 1]. An
            input with ``"paste_masks": False`` gets no ``pred_masks``, R times the size of its image.
            With ``do_postprocess=False`` the raw Instances.
        """
        results = [None] * len(batched_inputs)
        for indices in _same_size(batched_inputs):
            batch = [batched_inputs[i] for i in indices]
            with self._precision():
                if detected_instances is None:
                    raw = super().inference(batch, do_postprocess=False)
                else:
                    raw = self._masks_of_given_boxes(batch, [detected_instances[i] for i in indices])
            for index, instances in zip(indices, raw):
                results[index] = instances
        if not do_postprocess:
            return results
        return [self._finish(raw, item) for raw, item in zip(results, batched_inputs)]

    def _precision(self):
        """Autocast to bfloat16 where that is asked for; else whatever the caller has set."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()

    def _masks_of_given_boxes(self, batch, instances):
        """Masks for known boxes; the attended feature they need is computed although no proposals are."""
        images = self.preprocess_image(batch)
        features = self.backbone(images.tensor)
        self.proposal_generator.attend(images, features)
        return self.roi_heads.forward_with_given_boxes(features, [x.to(self.device) for x in instances])

    def _finish(self, raw, item) -> dict:
        """Instances in the network's pixels -> the result in the original image's."""
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
        return {
            "instances": instances,
            "manipulation_map": merged,
            "manipulation_score": image_score(merged),
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
