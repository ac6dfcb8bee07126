"""How an image is shown to the network at test time: resized, reduced, mirrored; and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..utils.errors import UserError

if TYPE_CHECKING:  # what needs them imports them: images that keep their size are shown without
    import torch
    from detectron2.structures import Instances

#: Rows of a map that are mirrored at a time.
_ROWS = 512
#: Side of a JPEG block in pixels.
_BLOCK = 8


@dataclass(frozen=True)
class Augmentation:
    """One way of showing an image.

    Attributes:
        shortest, longest: shortest side and limit of the longest in pixels; 0: as it is.
        mirrored: left to right. An image that keeps its size is first padded on the right to whole JPEG blocks, as
            an encoder does, so that the mirror image's blocks begin at its corner, too.
        largest: most pixels; what would be larger is reduced, each new pixel the mean of those it covers. 0: no limit.
    """

    shortest: int
    longest: int
    mirrored: bool = False
    largest: int = 0

    def output_shape(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of the network's input for an image of that size.

        Raises:
            UserError: an image so narrow that nothing would be left of it.
        """
        shape = (height, width)
        if self.shortest:
            from detectron2.data.transforms import ResizeShortestEdge

            shape = ResizeShortestEdge.get_output_shape(height, width, self.shortest, self.longest)
        if 0 < self.largest < shape[0] * shape[1]:
            factor = (self.largest / (shape[0] * shape[1])) ** 0.5
            shape = tuple(round(side * factor) for side in shape)
        if min(shape) < 1:
            raise UserError(f"{width}x{height} pixels: too narrow to be resized for this network; cut it into parts")
        return self.padded_shape(height, width) if shape == (height, width) else shape

    def padded_shape(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of what the network's results are about: the image, padded where the augmentation does."""
        resized = self.shortest or 0 < self.largest < height * width
        return height, width + (-width % _BLOCK if self.mirrored and not resized else 0)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 -> (h, w, 3) uint8, the network's input."""
        columns = self.padded_shape(*pixels.shape[:2])[1] - pixels.shape[1]
        padded = np.pad(pixels, ((0, 0), (0, columns), (0, 0)), mode="edge") if columns else pixels
        augmented = padded[:, ::-1] if self.mirrored else padded
        if self.shortest:
            from detectron2.data.transforms import ResizeShortestEdge

            resize = ResizeShortestEdge([self.shortest] * 2, self.longest).get_transform(augmented)
            augmented = resize.apply_image(augmented)
        shape = self.output_shape(*pixels.shape[:2])
        if augmented.shape[:2] != shape:
            augmented = cv2.resize(augmented, shape[::-1], interpolation=cv2.INTER_AREA)
        return augmented

    def undo(self, instances: Instances, manipulation_map: torch.Tensor, width: int) -> tuple[Instances, torch.Tensor]:
        """Mirrors results back and takes the padding off.

        Args:
            instances: with pred_boxes, XYXY in pixels of :meth:`padded_shape`, perhaps soft_masks; changed in place.
            manipulation_map: (H, W') float32, of :meth:`padded_shape`; changed in place.
            width: W, of the image.

        Returns:
            The instances, those whose box lies in the padding left out, and the map, (H, W).
        """
        if not self.mirrored:
            return instances, manipulation_map
        import torch
        from detectron2.structures import Boxes, Instances

        boxes, (height, padded) = instances.pred_boxes.tensor, manipulation_map.shape
        x1, x2 = padded - boxes[:, 2], padded - boxes[:, 0]
        instances.pred_boxes = Boxes(torch.stack([x1, boxes[:, 1], x2.clamp(max=width), boxes[:, 3]], 1))
        if instances.has("soft_masks"):
            instances.soft_masks = instances.soft_masks.flip(-1)
        for strip in manipulation_map.split(_ROWS):  # by strips: a large image's map is not copied
            strip.copy_(strip.flip(-1))
        if padded > width:
            inside = instances[x1 < width]
            instances, manipulation_map = Instances((height, width), **inside.get_fields()), manipulation_map[:, :width]
        return instances, manipulation_map


def augmentations_of(cfg) -> list[Augmentation]:
    """What a config asks for: INPUT's test size alone, or the sizes and the mirroring of TEST.AUG."""
    largest = cfg.TEST.REDUCE_ABOVE
    if not cfg.TEST.AUG.ENABLED:
        return [Augmentation(cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST, False, largest)]
    flips = (False, True) if cfg.TEST.AUG.FLIP else (False,)
    return [
        Augmentation(size, cfg.TEST.AUG.MAX_SIZE, flip, largest) for size in cfg.TEST.AUG.MIN_SIZES for flip in flips
    ]
