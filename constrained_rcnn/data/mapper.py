"""From a dataset dict to what the model takes: the image, its instances, and its complete mask."""

from __future__ import annotations

import copy

import numpy as np
import torch
from detectron2.config import configurable
from detectron2.data import detection_utils
from detectron2.data import transforms as T
from detectron2.structures import BitMasks

from ..images.reading import MAX_PIXELS, read_image, read_mask
from ..utils.errors import UserError
from .augmentation import BlockCrop, Reduced, SavedAgain, degrade_boxes, numpy_seed


class ManipulationDatasetMapper:
    """Reads, augments and packs one image; also in the way Detectron2's own DatasetMapper is called.

    Random choices follow from (seed, ``draw``), where ``draw`` is the image's position in the endless stream
    of training images that ``engine.loader`` hands out; without one they come from NumPy's global generator.
    """

    @configurable
    def __init__(
        self,
        is_train: bool,
        *,
        augmentations: list,
        image_format: str = "BGR",
        use_masks: bool = True,
        max_pixels: int = MAX_PIXELS,
        merge_techniques: bool = False,
        noise_variance: float = 0.0,
        jpeg_quality: int = 0,
        saved_again: SavedAgain | None = None,
        seed: int = 0,
    ):
        """
        Args:
            is_train: whether to add instances and augment.
            augmentations: Detectron2 augmentations, in order.
            image_format: channel order, "BGR" or "RGB".
            use_masks: add masks (needs them in the dataset).
            max_pixels: refuse larger images.
            merge_techniques: all categories become class 0.
            noise_variance, jpeg_quality: see :func:`degrade_boxes`.
            saved_again: applied to the whole image in training, after all else.
            seed: of the random choices.
        """
        self.is_train = is_train
        self.augmentations = T.AugmentationList(augmentations)
        self.image_format = image_format
        self.use_masks = use_masks
        self.max_pixels = max_pixels
        self.merge_techniques = merge_techniques
        self.noise_variance = noise_variance
        self.jpeg_quality = jpeg_quality
        self.saved_again = saved_again
        self.seed = seed

    @classmethod
    def from_config(cls, cfg, is_train: bool = True):
        augmentations = detection_utils.build_augmentation(cfg, is_train)
        if is_train and cfg.INPUT.CROP.ENABLED:
            augmentations.insert(0, BlockCrop(cfg.INPUT.CROP.TYPE, cfg.INPUT.CROP.SIZE))
        if is_train and cfg.INPUT.REDUCED:
            augmentations.insert(0, Reduced.from_config(cfg))
        if is_train and cfg.INPUT.UPSIDE_DOWN:
            augmentations.append(T.RandomFlip(cfg.INPUT.UPSIDE_DOWN, horizontal=False, vertical=True))
        return {
            "is_train": is_train,
            "augmentations": augmentations,
            "image_format": cfg.INPUT.FORMAT,
            "use_masks": cfg.MODEL.MASK_ON,
            "max_pixels": cfg.INPUT.MAX_PIXELS,
            "merge_techniques": cfg.DATASETS.MERGE_TECHNIQUES,
            "noise_variance": cfg.INPUT.FORGED_NOISE_VARIANCE,
            "jpeg_quality": cfg.INPUT.FORGED_JPEG_QUALITY,
            "saved_again": SavedAgain.from_config(cfg),
            "seed": max(cfg.SEED, 0),
        }

    def __call__(self, dataset_dict: dict) -> dict:
        """
        Args:
            dataset_dict: as :mod:`.catalog` makes them; in training optionally with ``draw`` (int >= 0). Instead
                of files it may hold ``pixels``, H x W x 3 uint8, RGB whatever INPUT.FORMAT is (everywhere in this
                project), and ``complete_mask``, H x W bool.

        Returns:
            A copy with "image", (3, H, W) uint8 tensor, and in training "instances": gt_boxes (XYXY in the
            image's pixels), gt_classes, and with masks gt_masks (one per instance) and gt_complete_mask
            (BitMasks in which every entry is a view of the one complete mask, small regions included). With masks also
            "sem_seg", that complete mask once more, (H, W) uint8 in {0, 1}, there without any instance, too.

        Raises:
            UserError: unreadable file, size other than the annotations say, mask of another size.
        """
        dataset_dict = copy.deepcopy(dataset_dict)
        image = dataset_dict.pop("pixels", None)
        if image is None:
            image = read_image(dataset_dict["file_name"], self.image_format, max_pixels=self.max_pixels)
        elif self.image_format == "BGR":
            image = image[:, :, ::-1]
        expected = dataset_dict["height"], dataset_dict["width"]
        if image.shape[:2] != expected:
            raise UserError(
                f"{dataset_dict['file_name']}: image is {image.shape[1]}x{image.shape[0]}, its annotations say "
                f"{expected[1]}x{expected[0]}; prepare the dataset again"
            )
        draw = dataset_dict.pop("draw", None)
        if not self.is_train:
            dataset_dict.pop("annotations", None)
            image, _ = self._augment(image)
        elif draw is None:
            image = self._train_sample(dataset_dict, image, np.random.default_rng(np.random.randint(2**31)))
        else:
            with numpy_seed(self.seed, draw):
                image = self._train_sample(dataset_dict, image, np.random.default_rng([self.seed, draw]))
        dataset_dict["image"] = torch.as_tensor(np.ascontiguousarray(image.transpose(2, 0, 1)))
        return dataset_dict

    def _augment(self, image):
        augmented = T.AugInput(image)
        transforms = self.augmentations(augmented)
        return augmented.image, transforms

    def _train_sample(self, dataset_dict, image, rng):
        """Puts "instances" into the dict and returns the augmented image."""
        annotations = [a for a in dataset_dict.pop("annotations", []) if not a.get("iscrowd", 0)]
        complete = self._complete_mask(dataset_dict, image.shape[:2]) if self.use_masks else None
        boxes = np.array([a["bbox"] for a in annotations], dtype=float).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]  # XYWH_ABS, the form of every dict of the catalog
        image = degrade_boxes(image, boxes, rng, self.noise_variance, self.jpeg_quality)
        image, transforms = self._augment(image)
        size = image.shape[:2]
        for annotation in annotations:
            if not self.use_masks:
                annotation.pop("segmentation", None)
            if self.merge_techniques:
                annotation["category_id"] = 0
        annotations = [detection_utils.transform_instance_annotations(a, transforms, size) for a in annotations]
        instances = detection_utils.annotations_to_instances(annotations, size, mask_format="bitmask")
        if instances.has("gt_masks"):
            # A crop may cut a region: its box shrinks with it.
            instances.gt_boxes = instances.gt_masks.get_bounding_boxes()
        instances = detection_utils.filter_empty_instances(instances)
        if complete is not None:
            complete = torch.from_numpy(transforms.apply_segmentation(complete.astype(np.uint8)).astype(bool))
            instances.gt_complete_mask = BitMasks(complete[None].expand(len(instances), -1, -1))
            dataset_dict["sem_seg"] = complete.to(torch.uint8)
        dataset_dict["instances"] = instances
        return image if self.saved_again is None else self.saved_again(image, rng)

    @staticmethod
    def _complete_mask(dataset_dict, size) -> np.ndarray:
        """The image's complete ground-truth mask, (H, W) bool; empty for an authentic image."""
        mask = dataset_dict.pop("complete_mask", None)
        if mask is not None:
            return mask
        path = dataset_dict.get("mask_file_name")
        if path is None:
            if dataset_dict.get("annotations") or not dataset_dict.get("authentic", True):
                raise UserError(
                    f"{dataset_dict['file_name']}: has no ground-truth mask; train with MODEL.MASK_ON False"
                )
            return np.zeros(size, dtype=bool)
        mask = read_mask(path)
        if mask.shape != tuple(size):
            raise UserError(
                f"{path}: mask is {mask.shape[1]}x{mask.shape[0]}, its image {size[1]}x{size[0]}; "
                "prepare the dataset again"
            )
        return mask
