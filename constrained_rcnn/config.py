"""Every config key of the project; adding them also registers the modules they name."""

from __future__ import annotations

import logging

from .evaluation.metrics.records import VARIANT_NAMES
from .utils.dependencies import require_detectron2
from .utils.errors import UserError

require_detectron2()

import torch  # noqa: E402
import yaml  # noqa: E402
from detectron2.config import CfgNode as CN  # noqa: E402
from detectron2.config import get_cfg as get_detectron2_cfg  # noqa: E402

from .modeling.processor import multiplies_bfloat16  # noqa: E402

logger = logging.getLogger(__name__)


def add_constrained_rcnn_config(cfg: CN) -> None:
    """Adds this project's keys with their defaults to a Detectron2 config, in place.

    Args:
        cfg: Detectron2's config. Registers the modules and the datasets too; calling it again is harmless.
    """
    from . import modeling, released  # noqa: F401  (fill Detectron2's registries)
    from .data import catalog  # noqa: F401  (registers the predefined datasets)

    # --- weights --------------------------------------------------------------------------------------
    # True: training may start from a .pkl file, such as Detectron2's ImageNet weights. Reading one can execute any
    # code that its author put in: set it for files whose origin you trust. Checkpoints (.pth) need no trust.
    cfg.MODEL.TRUST_PICKLED_WEIGHTS = False

    # --- backbone -------------------------------------------------------------------------------------
    cfg.MODEL.CONSTRAINED_CONV = CN()
    # Constrained 5x5 convolution in front of the ResNet. False: plain ResNet (ablation).
    cfg.MODEL.CONSTRAINED_CONV.ENABLED = True
    # Its residual channels, at least 1; 3 in the paper.
    cfg.MODEL.CONSTRAINED_CONV.CHANNELS = 3
    # True: the ResNet sees the normalised image's three channels, then the residuals. False: the residuals alone.
    cfg.MODEL.CONSTRAINED_CONV.WITH_RGB = False

    # --- attention RPN --------------------------------------------------------------------------------
    cfg.MODEL.ATTENTION_RPN = CN()
    # CBAM on the RPN's hidden feature. False: the plain feature (ablation).
    cfg.MODEL.ATTENTION_RPN.ENABLED = True

    # --- guided mask branch (needs MODEL.MASK_ON) -----------------------------------------------------
    cfg.MODEL.GUIDED_MASK = CN()
    # Skip fusion of res3 and the attended feature. False: the mask branch crops res4 (ablation).
    cfg.MODEL.GUIDED_MASK.FUSION = True
    # Where they are fused, in pixels: 8 (stride of res3, finer) or 16 (stride of the attended feature).
    cfg.MODEL.GUIDED_MASK.FUSION_STRIDE = 8
    # Boxes per image in a training step of the mask branch, at least 1.
    cfg.MODEL.GUIDED_MASK.BATCH_SIZE_PER_IMAGE = 8
    # Channels of the mask predictor's hidden 1x1 convolution; a multiple of 32 for GroupNorm.
    cfg.MODEL.GUIDED_MASK.HIDDEN_CHANNELS = 64

    # --- dense path and decision ----------------------------------------------------------------------
    # Not in the paper. A segmentation head (MODEL.SEM_SEG_HEAD.NAME: DenseMapHead) answers for every pixel, beside
    # the boxes. Needs "res2" in MODEL.RESNETS.OUT_FEATURES and, in training, MODEL.MASK_ON. False: as in the paper.
    cfg.MODEL.DENSE_MAP = CN()
    cfg.MODEL.DENSE_MAP.ENABLED = False
    # Width of the head; a multiple of 32 for GroupNorm, of 64 with error levels, whose branch is half as wide.
    # Its norm: "GN", or another of Detectron2's.
    cfg.MODEL.DENSE_MAP.CHANNELS = 64
    cfg.MODEL.DENSE_MAP.NORM = "GN"
    # JPEG qualities: what saving the image at each would change is fused as well (error-level analysis). (): nothing.
    cfg.MODEL.DENSE_MAP.ERROR_LEVELS = ()
    # How the boxes' map and the dense one become one: max, mean, dense, boxes.
    cfg.MODEL.DENSE_MAP.FUSION = "max"
    # The power that the joint map is raised to, above 0. Chosen on validation forgeries so that 0.5 is the threshold
    # that suits them; the order of the map's values stays.
    cfg.MODEL.DENSE_MAP.EXPONENT = 1.0
    # A head of its own decides about the whole image, from the dense path. False: the score is the map's maximum.
    cfg.MODEL.DECISION_HEAD = CN()
    cfg.MODEL.DECISION_HEAD.ENABLED = False

    # --- from instances to one map --------------------------------------------------------------------
    cfg.MODEL.MANIPULATION_MAP = CN()
    # True: mask probability times the box's probability of any manipulation, maximum over boxes. False:
    # the mask probability alone (paper).
    cfg.MODEL.MANIPULATION_MAP.SCORE_WEIGHTED = True
    # An image is called manipulated when its score is above this, in [0, 1]. Negative: what the checkpoint says, else
    # 0.5; the operating points in it (tools/calibrate.py) shift scores so that 0.5 is right for every kind of image.
    cfg.MODEL.MANIPULATION_MAP.DECISION_THRESHOLD = -1.0

    # --- input ----------------------------------------------------------------------------------------
    # Images with more pixels are refused before they are decoded.
    cfg.INPUT.MAX_PIXELS = 134_217_728
    # Paper's augmentation: variance of the Gaussian noise added inside forged boxes (grey levels squared);
    # 0: none. The paper's value is 5.
    cfg.INPUT.FORGED_NOISE_VARIANCE = 0.0
    # Likewise JPEG compression inside forged boxes, quality 1 to 100; 0: none. The paper's value is 70.
    cfg.INPUT.FORGED_JPEG_QUALITY = 0

    # Augmentation of whole training images: share of them that is saved as JPEG once more, with a quality drawn evenly
    # from (lowest, highest); share turned upside down. 0: none.
    cfg.INPUT.SAVED_AGAIN = 0.0
    cfg.INPUT.SAVED_AGAIN_QUALITY = (70, 98)
    cfg.INPUT.UPSIDE_DOWN = 0.0
    # Share of them that is reduced before it is cropped, by a ratio drawn evenly from (smallest, largest).
    cfg.INPUT.REDUCED = 0.0
    cfg.INPUT.REDUCED_FACTORS = (0.5, 1.0)

    # --- datasets -------------------------------------------------------------------------------------
    # True: one class "tampered" whatever the technique, as the paper does for all sets but NIST16.
    cfg.DATASETS.MERGE_TECHNIQUES = False

    # --- training -------------------------------------------------------------------------------------
    # "SGD" with SOLVER.MOMENTUM, as in the paper, or "AdamW".
    cfg.SOLVER.OPTIMIZER = "SGD"

    # --- forgeries on the fly -------------------------------------------------------------------------
    # Made in the training loader, beside the images of DATASETS.TRAIN (which may be empty).
    cfg.DATASETS.SYNTHESIS = CN()
    # Folder of photos to forge, searched recursively. Empty: off.
    cfg.DATASETS.SYNTHESIS.PHOTOS = ""
    # COCO instance annotations of these photos: regions come from them. Empty: from the photos' own segments.
    cfg.DATASETS.SYNTHESIS.ANNOTATIONS = ""
    # Images per pass over the data, at least 1. Every pass makes new ones.
    cfg.DATASETS.SYNTHESIS.COUNT = 1000
    # How they are made: a name of constrained_rcnn/synthesis/presets.py.
    cfg.DATASETS.SYNTHESIS.PRESET = "careful"
    # Drawn evenly from these: splice, copy-move, removal.
    cfg.DATASETS.SYNTHESIS.TECHNIQUES = ("splice", "copy-move", "removal")
    # (height, width) of the images in pixels, at least 64 each.
    cfg.DATASETS.SYNTHESIS.SIZE = (256, 320)
    # Share of these images that are the authentic counterpart instead of the forgery, 0 to 1.
    cfg.DATASETS.SYNTHESIS.AUTHENTIC = 0.5

    # --- prediction -----------------------------------------------------------------------------------
    # Test-time augmentation, whose maps are averaged: Detectron2's own TEST.AUG.ENABLED, MIN_SIZES (0: as it
    # is), MAX_SIZE and FLIP. Used by evaluation, the predictor and the demo.

    # A network input of more pixels is reduced to so many, each new pixel the mean of those it covers. 0: never. Time
    # and memory are bounded by it. Detectron2's DefaultPredictor does not know it.
    cfg.TEST.REDUCE_ABOVE = 0
    cfg.TEST.TILES = CN()
    # A network input that still has more pixels is cut into overlapping tiles, so that memory stays bounded. 0: never.
    # With INPUT.MIN_SIZE_TEST 0 that is the image at full resolution.
    cfg.TEST.TILES.MAX_PIXELS = 1536 * 1536
    # Side of a tile in pixels, at least 256.
    cfg.TEST.TILES.SIZE = 1024
    # Overlap of neighbours in pixels, at most half a side: regions up to this size are seen whole.
    cfg.TEST.TILES.OVERLAP = 384
    # True: convolutions of test images run in bfloat16, half the time where the processor has instructions for
    # it. Maps change a little; where boxes are about equally likely, others may be chosen.
    cfg.TEST.BFLOAT16 = False
    # True: duplicated regions (constrained_rcnn/matching/suspects.py) are looked for and fused into the image's map,
    # and so into its score: 0.875 or more on the copy where the network's map tells it from the original, else 0.75 or
    # more on both. They are detections, too. Used by evaluation, the predictor and the demo. False: nothing is
    # matched, which is faster, and the map is the network's alone.
    cfg.TEST.REPEATS = False

    # --- evaluation -----------------------------------------------------------------------------------
    # True: every manipulation map goes to OUTPUT_DIR/inference/<dataset>/maps as compressed float32 (about
    # 2 bytes a pixel), so that tools/evaluate_predictions.py can score them again without the model.
    cfg.TEST.SAVE_MAPS = False
    # Other tables' conventions: any of "paper", "invert=max", "gt_border_ignore", "authentic_as_zero".
    cfg.TEST.METRIC_VARIANTS = []


def get_cfg() -> CN:
    """Detectron2's default config with this project's keys."""
    cfg = get_detectron2_cfg()
    add_constrained_rcnn_config(cfg)
    return cfg


def load_config(config_file: str | None = None, options: list[str] = ()) -> CN:
    """Reads a config file and ``KEY VALUE ...`` overrides, with errors a person can act on.

    Args:
        config_file: path of a yaml file, or None for the defaults.
        options: alternating keys and values.

    Returns:
        The checked config, not frozen. Where there is no CUDA, MODEL.DEVICE "cuda" becomes "cpu".

    Raises:
        UserError: unreadable file, unknown key, value of a wrong type, or keys that do not fit together.
    """
    cfg = get_cfg()
    try:
        if config_file:
            cfg.merge_from_file(config_file, allow_unsafe=False)
        cfg.merge_from_list(list(options))
    except (KeyError, AssertionError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        given = " ".join([config_file or "defaults", *options])
        raise UserError(f"config: {given}: {error}; the keys are explained in constrained_rcnn/config.py") from error
    check_config(cfg)
    if cfg.MODEL.DEVICE == "cuda" and not torch.cuda.is_available():
        logger.info("CUDA is not available: MODEL.DEVICE is cpu")
        cfg.MODEL.DEVICE = "cpu"
    if cfg.SOLVER.AMP.ENABLED and cfg.MODEL.DEVICE == "cpu" and not multiplies_bfloat16():
        logger.warning("SOLVER.AMP.ENABLED: this processor has no bfloat16 instructions; training runs in float32")
        cfg.SOLVER.AMP.ENABLED = False
    return cfg


def check_config(cfg: CN) -> None:
    """Raises UserError, naming the key, where keys do not fit together."""

    def require(holds: bool, message: str) -> None:
        if not holds:
            raise UserError(f"config: {message}")

    from .modeling.manipulation_map import FUSIONS

    features = list(cfg.MODEL.RESNETS.OUT_FEATURES)
    require(
        {"res3", "res4"} <= set(features),
        f"MODEL.RESNETS.OUT_FEATURES is {features}; set it to ['res3', 'res4']",
    )
    channels = cfg.MODEL.CONSTRAINED_CONV.CHANNELS
    require(channels >= 1, f"MODEL.CONSTRAINED_CONV.CHANNELS is {channels}; set it to 1 or more")
    stride = cfg.MODEL.GUIDED_MASK.FUSION_STRIDE
    require(stride in (8, 16), f"MODEL.GUIDED_MASK.FUSION_STRIDE is {stride}; set it to 8 or 16")
    require(cfg.MODEL.GUIDED_MASK.BATCH_SIZE_PER_IMAGE >= 1, "MODEL.GUIDED_MASK.BATCH_SIZE_PER_IMAGE must be 1 or more")
    if cfg.MODEL.DENSE_MAP.ENABLED:
        require("res2" in features, f"MODEL.DENSE_MAP needs 'res2' in MODEL.RESNETS.OUT_FEATURES, which is {features}")
        require(cfg.MODEL.MASK_ON, "MODEL.DENSE_MAP needs MODEL.MASK_ON True")
        head = cfg.MODEL.SEM_SEG_HEAD.NAME
        require(head != "SemSegFPNHead", f"MODEL.DENSE_MAP needs MODEL.SEM_SEG_HEAD.NAME DenseMapHead, not {head}")
    require(
        cfg.MODEL.DENSE_MAP.ENABLED or not cfg.MODEL.DECISION_HEAD.ENABLED,
        "MODEL.DECISION_HEAD needs MODEL.DENSE_MAP.ENABLED True",
    )
    fusion = cfg.MODEL.DENSE_MAP.FUSION
    require(fusion in FUSIONS, f"MODEL.DENSE_MAP.FUSION is {fusion!r}; set it to one of {', '.join(FUSIONS)}")
    levels = tuple(cfg.MODEL.DENSE_MAP.ERROR_LEVELS)
    require(all(1 <= quality <= 100 for quality in levels), f"MODEL.DENSE_MAP.ERROR_LEVELS is {levels}; 1 to 100 each")
    channels, unit = cfg.MODEL.DENSE_MAP.CHANNELS, 64 if levels else 32
    require(
        cfg.MODEL.DENSE_MAP.NORM != "GN" or (channels > 0 and channels % unit == 0),
        f"MODEL.DENSE_MAP.CHANNELS is {channels}; set it to a multiple of {unit}",
    )
    require(cfg.MODEL.DENSE_MAP.EXPONENT > 0, "MODEL.DENSE_MAP.EXPONENT must be above 0")
    optimizer = cfg.SOLVER.OPTIMIZER
    require(optimizer in ("SGD", "AdamW"), f"SOLVER.OPTIMIZER is {optimizer!r}; set it to SGD or AdamW")
    require(0 <= cfg.INPUT.SAVED_AGAIN <= 1, "INPUT.SAVED_AGAIN must be a share in [0, 1]")
    qualities = tuple(cfg.INPUT.SAVED_AGAIN_QUALITY)
    require(
        len(qualities) == 2 and 1 <= qualities[0] <= qualities[1] <= 100,
        f"INPUT.SAVED_AGAIN_QUALITY is {qualities}; set it to (lowest, highest), 1 to 100",
    )
    require(0 <= cfg.INPUT.REDUCED <= 1, "INPUT.REDUCED must be a share in [0, 1]")
    factors = tuple(cfg.INPUT.REDUCED_FACTORS)
    require(
        len(factors) == 2 and 0 < factors[0] <= factors[1] <= 1,
        f"INPUT.REDUCED_FACTORS is {factors}; set it to (smallest, largest) in (0, 1]",
    )
    require(0 <= cfg.INPUT.UPSIDE_DOWN <= 1, "INPUT.UPSIDE_DOWN must be a share in [0, 1]")
    tiles = cfg.TEST.TILES
    require(tiles.SIZE >= 256, f"TEST.TILES.SIZE is {tiles.SIZE}; set it to 256 or more")
    require(
        0 <= 2 * tiles.OVERLAP <= tiles.SIZE,
        f"TEST.TILES.OVERLAP is {tiles.OVERLAP}; set it to 0 to {tiles.SIZE // 2}, half of TEST.TILES.SIZE",
    )
    require(tiles.MAX_PIXELS >= 0, f"TEST.TILES.MAX_PIXELS is {tiles.MAX_PIXELS}; set it to pixels, or 0: never tile")
    require(cfg.TEST.REDUCE_ABOVE >= 0, "TEST.REDUCE_ABOVE must be a number of pixels, or 0: never")
    sizes = cfg.TEST.AUG.MIN_SIZES
    require(
        not cfg.TEST.AUG.ENABLED or (len(sizes) > 0 and min(sizes) >= 0),
        f"TEST.AUG.MIN_SIZES is {sizes}; name sizes of the shortest side in pixels, 0 for the image as it is",
    )
    for name in cfg.TEST.METRIC_VARIANTS:
        require(name in VARIANT_NAMES, f"TEST.METRIC_VARIANTS: no {name!r}; there are {', '.join(VARIANT_NAMES)}")
    require(0 <= cfg.INPUT.FORGED_JPEG_QUALITY <= 100, "INPUT.FORGED_JPEG_QUALITY must be 0 (off) to 100")
    require(cfg.INPUT.FORGED_NOISE_VARIANCE >= 0, "INPUT.FORGED_NOISE_VARIANCE must be 0 (off) or more")
    if cfg.DATASETS.MERGE_TECHNIQUES:
        classes = cfg.MODEL.ROI_HEADS.NUM_CLASSES
        require(classes == 1, f"DATASETS.MERGE_TECHNIQUES needs MODEL.ROI_HEADS.NUM_CLASSES 1, not {classes}")
