"""The released second stage: boxes refined in the original image's pixels, the eight likeliest masked."""

from __future__ import annotations

import torch
from detectron2.config import configurable
from detectron2.layers import ShapeSpec
from detectron2.modeling import ROI_HEADS_REGISTRY
from detectron2.structures import Boxes, Instances
from torch import nn
from torch.nn import functional as F

from ..modeling.mask_head import MaskPredictor, SkipFusion
from ..modeling.roi_heads import BoxPredictor, ConstrainedROIHeads
from .boxes import WIDTH_OFFSET, ReleasedBoxTransform, clip_outward, nms
from .crop import CropAndResize
from .resnet import make_released_stage


class BatchStatisticsNorm(nn.Module):
    """Batch normalisation by the statistics of the boxes at hand, at test too; a shift, no scale.

    The released code runs its mask predictor so: the stored moving averages are never used (nor updated in
    training), and a mask depends on the other boxes of its image.
    """

    def __init__(self, channels: int, eps: float = 1e-3):
        """
        Args:
            channels: C.
            eps: added to the variance; 1e-3 is the default of TensorFlow-Slim.
        """
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(R, C, H, W) -> the same shape, normalised over R, H and W with the biased variance."""
        return F.batch_norm(x, None, None, training=True, eps=self.eps) + self.bias[:, None, None]


class ReleasedBoxPredictor(BoxPredictor):
    """The native output layers on ``+ 1`` boxes.

    Classes are in Detectron2's order, authentic last; the converter sorts them. ``width_offset`` is stored
    so that a checkpoint of this network never passes for one of the native network, whose parameters have
    the same names but whose widths have no ``+ 1``.
    """

    @configurable
    def __init__(self, input_shape: ShapeSpec, **kwargs):
        """
        Args:
            input_shape, kwargs: see :class:`BoxPredictor`.
        """
        super().__init__(input_shape, **kwargs)
        self.register_buffer("width_offset", torch.tensor([WIDTH_OFFSET]))

    @classmethod
    def from_config(cls, cfg, input_shape: ShapeSpec):
        transform = ReleasedBoxTransform(cfg.MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS)
        return {**super().from_config(cfg, input_shape), "box2box_transform": transform}

    def boxes_and_probabilities(self, predictions, rois: torch.Tensor, scale: torch.Tensor, size):
        """Refines one image's proposals in its original pixels, where the ``+ 1`` is one original pixel.

        Args:
            predictions: scores (R, K + 1) and deltas (R, 4K) of the image.
            rois: (R, 4) float32, XYXY in the network's pixels.
            scale: () float32, the network's pixels per original pixel.
            size: (height, width) of the original image, pixels.

        Returns:
            Boxes (R, K, 4) float32, XYXY in original pixels, some perhaps inverted, and class probabilities
            (R, K) float32 in [0, 1].
        """
        scores, deltas = predictions
        boxes = self.box2box_transform.apply_deltas(deltas, rois / scale)
        return clip_outward(boxes.reshape(-1, self.num_classes, 4), *size), scores.softmax(dim=1)[:, :-1]

    def suppressed(self, boxes: torch.Tensor, probabilities: torch.Tensor, size) -> Instances:
        """Stage 1: non-maximum suppression within each class, then the best of all classes.

        Args:
            boxes, probabilities, size: as :meth:`boxes_and_probabilities` returns and takes them.
        """
        roi, classes = (probabilities > self.test_score_thresh).nonzero(as_tuple=True)
        boxes, scores = boxes[roi, classes], probabilities[roi, classes]
        keep = nms(boxes, scores, classes, self.test_nms_thresh)[: self.test_topk_per_image]
        return Instances(size, pred_boxes=Boxes(boxes[keep]), scores=scores[keep], pred_classes=classes[keep])

    def likeliest(self, boxes: torch.Tensor, probabilities: torch.Tensor, size) -> Instances:
        """Full model: the likeliest pairs of a proposal and a class, without threshold or suppression.

        Args:
            boxes, probabilities, size: as :meth:`boxes_and_probabilities` returns and takes them.
        """
        flat = probabilities.flatten()
        scores, best = flat.topk(min(self.test_topk_per_image, len(flat)))
        classes = best % max(probabilities.shape[1], 1)
        return Instances(size, pred_boxes=Boxes(boxes.flatten(0, 1)[best]), scores=scores, pred_classes=classes)


@ROI_HEADS_REGISTRY.register()
class ReleasedROIHeads(ConstrainedROIHeads):
    """The native heads with the released crops, stages, box arithmetic and choice of boxes.

    At test the resulting instances are in the ORIGINAL image's pixels. The released softmax over two mask
    channels is the sigmoid of their difference, so one mask logit says the same; the converter subtracts.
    """

    @classmethod
    def from_config(cls, cfg, input_shape):
        ret = super().from_config(cfg, input_shape)
        stride = input_shape[ret["box_in_feature"]].stride
        ret["box_pooler"] = CropAndResize(cfg.MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION, stride)
        ret["res5"] = make_released_stage(cfg, 5)
        channels = cfg.MODEL.RESNETS.RES2_OUT_CHANNELS * 8
        ret["box_predictor"] = ReleasedBoxPredictor(cfg, ShapeSpec(channels=channels, height=1, width=1))
        if cfg.MODEL.MASK_ON:
            ret["mask_pooler"] = CropAndResize(cfg.MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION, stride)
            ret["mask_res5"] = make_released_stage(cfg, 5)
            low, high = input_shape["res3"], input_shape[ret["box_in_feature"]]
            ret["mask_fusion"] = SkipFusion(low.channels, high.channels)
            ret["mask_predictor"] = MaskPredictor(
                in_channels=channels,
                up_channels=cfg.MODEL.ROI_MASK_HEAD.CONV_DIM,
                hidden_channels=cfg.MODEL.GUIDED_MASK.HIDDEN_CHANNELS,
                # Two in a row: one that slim's arg scope attaches, one that the code adds.
                norm=lambda c: nn.Sequential(BatchStatisticsNorm(c), BatchStatisticsNorm(c)),
            )
        return ret

    def forward(self, images, features, proposals, targets=None):
        """As :meth:`ConstrainedROIHeads.forward`.

        Args:
            images: in training an ImageList, at test :class:`.preprocessing.ResizedImages`.

        Returns:
            In training as the native heads. At test per image an Instances in its original pixels with
            pred_boxes, scores, pred_classes and, with the mask branch, pred_masks (R, 1, M, M); and {}.
        """
        if self.training:
            return super().forward(images, features, proposals, targets)
        rois = [p.proposal_boxes for p in proposals]
        crops = self.box_pooler([features[self.box_in_feature]], rois)
        scores, deltas = self.box_predictor(self.res5(crops).mean(dim=(2, 3)))
        counts = [len(r) for r in rois]
        select = self.box_predictor.likeliest if self.mask_on else self.box_predictor.suppressed
        instances = []
        for s, d, r, scale, size in zip(
            scores.split(counts), deltas.split(counts), rois, images.scales, images.original_sizes
        ):
            instances.append(select(*self.box_predictor.boxes_and_probabilities((s, d), r.tensor, scale, size), size))
        return self.masks_in_original_pixels(images, features, instances), {}

    def masks_in_original_pixels(self, images, features, instances: list[Instances]) -> list[Instances]:
        """Adds ``pred_masks`` to instances whose ``pred_boxes`` are in their images' original pixels."""
        scaled = [
            Instances(size, pred_boxes=Boxes(x.pred_boxes.tensor * scale))
            for x, size, scale in zip(instances, images.image_sizes, images.scales)
        ]
        for image, with_masks in zip(instances, self.forward_with_given_boxes(features, scaled)):
            if with_masks.has("pred_masks"):
                image.pred_masks = with_masks.pred_masks
        return instances

    def _mask_logits(self, features, boxes):
        """As in the native heads, but each image's masks are predicted by themselves (batch statistics)."""
        logits = [
            super(ReleasedROIHeads, self)._mask_logits({k: f[i : i + 1] for k, f in features.items()}, [image_boxes])
            for i, image_boxes in enumerate(boxes)
            if len(image_boxes)
        ]
        if logits:
            return torch.cat(logits)
        size = 2 * self.mask_pooler.output_size[0]
        return features[self.mask_in_feature].new_zeros(0, 1, size, size)
