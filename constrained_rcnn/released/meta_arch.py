"""ReleasedRCNN: the released test procedure from unresized image to merged map."""

from __future__ import annotations

import torch
from detectron2.modeling import META_ARCH_REGISTRY
from torch.nn import functional as F

from ..modeling.manipulation_map import image_score, merge_instances
from ..modeling.meta_arch import ConstrainedRCNN
from .boxes import to_exclusive
from .preprocessing import prepare, resize_scale


@META_ARCH_REGISTRY.register()
class ReleasedRCNN(ConstrainedRCNN):
    """ConstrainedRCNN that resizes test images itself and merges masks on whole pixels.

    It takes test images at their original resolution (``INPUT.MIN_SIZE_TEST 0``), because the released code
    subtracts the mean before it resizes; so every caller of the model, Detectron2's DefaultPredictor among
    them, gets equal results. Training images come resized from the data loader, as for any model.
    """

    resizes_images = True

    def preprocess_image(self, batched_inputs):
        """In training as GeneralizedRCNN; at test :class:`.preprocessing.ResizedImages`."""
        if self.training:
            return super().preprocess_image(batched_inputs)
        images = [item["image"] for item in batched_inputs]
        return prepare(images, self.pixel_mean, self.pixel_std, self.backbone.size_divisibility)

    def _masks_of_given_boxes(self, images, features, instances):
        self.proposal_generator.attend(images, features)
        return self.roi_heads.masks_in_original_pixels(images, features, instances)

    def _finish(self, raw, logits, decision, item) -> dict:
        """As in ConstrainedRCNN, with the released merging; instances arrive in the image's own pixels."""
        merged = self._merge(raw, item)  # first: the postprocessing changes the boxes in place
        size = item.get("height", raw.image_size[0]), item.get("width", raw.image_size[1])
        if size != tuple(raw.image_size):  # the caller has resized the image
            merged = F.interpolate(merged[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
        result = super()._finish(raw, logits, decision, item)
        return {**result, "manipulation_map": merged, "manipulation_score": image_score(merged)}

    def _merge(self, raw, item) -> torch.Tensor:
        """The map (H, W) of an image in its own pixels. Stage 1, which has none in the release: boxes are filled
        with their scores."""
        boxes = raw.pred_boxes.tensor
        if not raw.has("pred_masks"):
            return merge_instances(to_exclusive(boxes), None, raw.scores, *raw.image_size)
        masks = raw.pred_masks[:, 0].float()
        if self.score_weighted:  # not by default: the released merging ignores the scores
            masks = masks * raw.scores[:, None, None]
        # There and back: in float32 a corner on the image's last pixel may fall short of it, and be cut down to
        # the one before. The released masks have gone the same way.
        scale = self._scale(item)
        return merge_on_whole_pixels(boxes * scale / scale, masks, *raw.image_size)

    def _scale(self, item) -> torch.Tensor:
        """The image's resize factor, () float32: on a GPU dividing by a plain number would round otherwise."""
        return torch.tensor(resize_scale(*item["image"].shape[-2:]), dtype=torch.float32, device=self.device)


def merge_on_whole_pixels(boxes: torch.Tensor, masks: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The released merging: corners cut down to integers, masks stretched over them, maximum over boxes.

    Args:
        boxes: (R, 4) float32, XYXY in the image's pixels, empty and inverted ones allowed; last corners exclusive.
        masks: (R, M, M) float32 in [0, 1].
        height, width: of the image, pixels.

    Returns:
        (height, width) float32 in [0, 1]; 0 outside every box.
    """
    merged = masks.new_zeros(height, width)
    limits = boxes.new_tensor([width, height, width, height])
    corners = torch.minimum(boxes.clamp(min=0), limits).int().tolist()
    for mask, (x1, y1, x2, y2) in zip(masks, corners):
        if x2 <= x1 or y2 <= y1:
            continue
        stretched = F.interpolate(mask[None, None], size=(y2 - y1, x2 - x1), mode="bilinear", align_corners=False)[0, 0]
        window = merged[y1:y2, x1:x2]
        torch.maximum(window, stretched, out=window)
    return merged
