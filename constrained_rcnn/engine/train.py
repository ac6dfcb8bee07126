"""ManipulationTrainer: Detectron2's DefaultTrainer over this project's data, checkpoints and evaluators."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import weakref
from pathlib import Path

import torch
from detectron2.data import build_detection_test_loader
from detectron2.engine import DefaultTrainer, HookBase, TrainerBase
from detectron2.solver import get_default_optimizer_params
from detectron2.solver.build import maybe_add_gradient_clipping
from detectron2.utils import comm

from ..config import load_config
from ..data.annotation_format import merge_techniques
from ..data.catalog import dataset_dicts, ensure_registered
from ..data.mapper import ManipulationDatasetMapper
from ..data.techniques import TAMPERED, TECHNIQUES
from ..evaluation.manipulation_evaluator import build_evaluators
from ..evaluation.metrics.records import MetricVariants
from ..inference.load import load_for_inference
from ..inference.test_time_augmentation import with_test_time_augmentation
from ..modeling.checkpoint import ManipulationCheckpointer
from ..synthesis.on_the_fly import ForgeryMaker, ForgingMapper
from ..utils.errors import OutputError, UserError
from ..utils.files import UNFINISHED
from ..utils.output_folder import output_folder, raise_output_error
from .loader import ResumableTrainLoader
from .prediction_images import PredictionImages
from .run_setup import set_up

logger = logging.getLogger(__name__)


class ManipulationTrainer(DefaultTrainer):
    """Trains and evaluates by config; a resumed run repeats the uninterrupted one.

    ``SOLVER.AMP.ENABLED`` means Detectron2's own mixed precision on CUDA, float16 with a gradient scaler. On a CPU the
    forward pass runs in bfloat16, whose range needs no scaler.
    """

    def __init__(self, cfg):
        on_cpu = cfg.SOLVER.AMP.ENABLED and cfg.MODEL.DEVICE == "cpu"
        plain = cfg.clone()
        plain.defrost()
        plain.SOLVER.AMP.ENABLED = cfg.SOLVER.AMP.ENABLED and not on_cpu  # its AMPTrainer insists on CUDA
        plain.freeze()
        super().__init__(plain)
        self.cfg = cfg
        if on_cpu:
            getattr(self.model, "module", self.model).bfloat16_training = True

    def build_hooks(self):
        # DefaultTrainer has made a checkpointer of its own just before; hooks must save through ours.
        self.checkpointer = ManipulationCheckpointer(
            self.model,
            self.cfg.OUTPUT_DIR,
            metadata={"classes": training_class_names(self.cfg)},
            trust_pickled_weights=self.cfg.MODEL.TRUST_PICKLED_WEIGHTS,
            trainer=weakref.proxy(self),
        )
        hooks = [SeedByIteration(max(self.cfg.SEED, 0)), *super().build_hooks()]
        if self.cfg.VIS_PERIOD > 0 and comm.is_main_process():
            hooks.insert(1, PredictionImages(self.cfg))  # before the writers, which stand last
        return hooks

    def resume_or_load(self, resume=True):
        """As in DefaultTrainer; also moves the data loader to the iteration the run continues at."""
        super().resume_or_load(resume)
        self.data_loader.start = self.start_iter

    def state_dict(self):
        """All that a run needs to continue: iteration, hooks (scheduler), optimizer, gradient scaler."""
        # Not DefaultTrainer's own: 0.6 leaves the optimizer out, the main branch files it under "_trainer".
        state = TrainerBase.state_dict(self)
        state["optimizer"] = self.optimizer.state_dict()
        scaler = self._scaler()
        if scaler is not None:
            state["grad_scaler"] = scaler.state_dict()
        return state

    def load_state_dict(self, state_dict):
        """Continues from such a state, or from one that Detectron2's own trainer saved."""
        inner = state_dict.get("_trainer", {})
        optimizer = state_dict.get("optimizer", inner.get("optimizer"))
        scaler_state = state_dict.get("grad_scaler", inner.get("grad_scaler"))
        TrainerBase.load_state_dict(self, state_dict)
        if optimizer is None:
            logger.warning("The checkpoint holds no optimizer state: momentum starts from zero")
        else:
            adam = ["betas" in x["param_groups"][0] for x in (optimizer, self.optimizer.state_dict())]
            if adam[0] != adam[1]:
                raise UserError("the checkpoint's run had another SOLVER.OPTIMIZER; set it as it was, or start afresh")
            self.optimizer.load_state_dict(optimizer)
        if scaler_state is not None and self._scaler() is not None:
            self._scaler().load_state_dict(scaler_state)

    def _scaler(self):
        return getattr(self._trainer, "grad_scaler", None)

    @classmethod
    def build_optimizer(cls, cfg, model):
        """The optimizer that ``SOLVER.OPTIMIZER`` names, with Detectron2's rates and decays per parameter."""
        if cfg.SOLVER.OPTIMIZER == "SGD":
            return super().build_optimizer(cfg, model)
        groups = get_default_optimizer_params(
            model, base_lr=cfg.SOLVER.BASE_LR, weight_decay=cfg.SOLVER.WEIGHT_DECAY,
            weight_decay_norm=cfg.SOLVER.WEIGHT_DECAY_NORM,
        )  # fmt: skip
        optimizer = maybe_add_gradient_clipping(cfg, torch.optim.AdamW)
        return optimizer(groups, lr=cfg.SOLVER.BASE_LR, weight_decay=cfg.SOLVER.WEIGHT_DECAY)

    @classmethod
    def build_train_loader(cls, cfg):
        """The resumable loader over ``DATASETS.TRAIN``; see :mod:`.loader`."""
        dataset = [item for name in cfg.DATASETS.TRAIN for item in dataset_dicts(name)]
        training_class_names(cfg)
        if cfg.DATALOADER.FILTER_EMPTY_ANNOTATIONS:
            dataset = [item for item in dataset if item["annotations"]]
        mapper = ManipulationDatasetMapper(cfg, is_train=True)
        maker = ForgeryMaker.from_config(cfg)
        if maker is not None:
            dataset += maker.placeholders(cfg.DATASETS.SYNTHESIS.COUNT)
            mapper = ForgingMapper(mapper, maker)
        if not dataset:
            raise UserError(f"DATASETS.TRAIN {tuple(cfg.DATASETS.TRAIN)}: no images; name a registered dataset")
        world = comm.get_world_size()
        if cfg.SOLVER.IMS_PER_BATCH % world:
            raise UserError(f"SOLVER.IMS_PER_BATCH {cfg.SOLVER.IMS_PER_BATCH} is no multiple of {world} processes")
        return ResumableTrainLoader(
            dataset,
            mapper,
            batch_size=cfg.SOLVER.IMS_PER_BATCH // world,
            seed=max(cfg.SEED, 0),
            num_workers=cfg.DATALOADER.NUM_WORKERS,
            aspect_ratio_grouping=cfg.DATALOADER.ASPECT_RATIO_GROUPING,
        )

    @classmethod
    def build_test_loader(cls, cfg, dataset_name):
        """Every image of a dataset once, one at a time."""
        return build_detection_test_loader(
            dataset=dataset_dicts(dataset_name),
            mapper=ManipulationDatasetMapper(cfg, is_train=False),
            num_workers=cfg.DATALOADER.NUM_WORKERS,
        )

    @classmethod
    def test(cls, cfg, model, evaluators=None):
        """As in DefaultTrainer, of what users get: see :mod:`..inference.test_time_augmentation`."""
        try:
            detector = with_test_time_augmentation(cfg, model, class_names(cfg, cfg.DATASETS.TEST) or None)
            return super().test(cfg, detector, evaluators)
        finally:
            if comm.is_main_process():  # of an evaluation that fails
                for folder in Path(cfg.OUTPUT_DIR, "inference").glob(f"*/{UNFINISHED}"):
                    shutil.rmtree(folder, ignore_errors=True)

    @classmethod
    def build_evaluator(cls, cfg, dataset_name):
        """Manipulation metrics and, beside them, COCO box and mask AP."""
        dicts = dataset_dicts(dataset_name)
        if cfg.DATASETS.MERGE_TECHNIQUES:
            dicts = merge_techniques(dicts)
        label = Path(dataset_name).stem  # of a prepared split named by its path; a registered name stays itself
        return build_evaluators(
            label,
            dicts,
            class_names(cfg, [dataset_name]),
            os.path.join(cfg.OUTPUT_DIR, "inference", label),
            mask_on=cfg.MODEL.MASK_ON,
            variants=MetricVariants.from_names(cfg.TEST.METRIC_VARIANTS),
            save_maps=cfg.TEST.SAVE_MAPS,
        )


class SeedByIteration(HookBase):
    """Makes what the model samples (RPN and ROI heads) a function of (seed, iteration, process)."""

    def __init__(self, seed: int):
        """
        Args:
            seed: non-negative.
        """
        self.seed = seed

    def before_step(self):
        key = (self.seed * 1_000_003 + self.trainer.iter) * 1_009 + comm.get_rank()
        torch.manual_seed(key % 2**63)


def training_class_names(cfg) -> list[str]:
    """Class names of ``DATASETS.TRAIN`` and of forgeries on the fly, checked like :func:`class_names`."""
    return class_names(cfg, [*cfg.DATASETS.TRAIN, *(["DATASETS.SYNTHESIS"] if cfg.DATASETS.SYNTHESIS.PHOTOS else [])])


def class_names(cfg, datasets) -> list[str]:
    """The model's class names for these datasets, checked against ``MODEL.ROI_HEADS.NUM_CLASSES``."""
    if cfg.DATASETS.MERGE_TECHNIQUES:
        return [TAMPERED]
    names = None
    for dataset in datasets:
        if dataset == "DATASETS.SYNTHESIS":  # made while training: in no catalog
            dataset_names = list(TECHNIQUES)
        else:
            dataset_names = list(ensure_registered(dataset).thing_classes)
        if names is not None and dataset_names != names:
            raise UserError(
                f"dataset {dataset}: classes {dataset_names} differ from {names}; set DATASETS.MERGE_TECHNIQUES True"
            )
        names = dataset_names
    count = cfg.MODEL.ROI_HEADS.NUM_CLASSES
    if names is not None and len(names) != count:
        raise UserError(
            f"dataset {datasets[0]}: {len(names)} classes {names}, MODEL.ROI_HEADS.NUM_CLASSES is {count}; "
            f"set it to {len(names)}"
        )
    return names or []


def train(cfg, resume: bool = False):
    """Trains by a config, with logs, curves and checkpoints in ``OUTPUT_DIR``.

    Args:
        cfg: from :func:`load_config`.
        resume: continue from the last checkpoint in ``OUTPUT_DIR`` if there is one.

    Returns:
        The last evaluation's results, where DATASETS.TEST and TEST.EVAL_PERIOD ask for any.

    Raises:
        UserError: bad input, or a folder that holds an earlier run's checkpoints and ``resume`` is False.
    """
    if not resume and os.path.exists(os.path.join(cfg.OUTPUT_DIR, "last_checkpoint")):
        raise UserError(f"OUTPUT_DIR {cfg.OUTPUT_DIR}: holds the checkpoints of an earlier training, which another one "
                        "would replace; continue it with --resume, or name another folder")  # fmt: skip
    trainer = ManipulationTrainer(cfg)
    trainer.resume_or_load(resume=resume)
    # Detectron2's loop logs every exception with its traceback; for bad input one line is enough.
    logging.getLogger("detectron2.engine.train_loop").addFilter(_is_no_user_error)
    try:
        return trainer.train()
    except Exception as error:
        _raise_what_was_first(error, Path(cfg.OUTPUT_DIR))
        raise


def _raise_what_was_first(error: BaseException | None, folder: Path) -> None:
    """Raises the error of an output behind an error: Detectron2 ends with its hooks, each of which may fail in turn."""
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__context__
    for kind in (OutputError, OSError):
        for first in reversed(chain):
            if isinstance(first, kind):
                raise_output_error(first, folder)


def _is_no_user_error(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], (UserError, OSError)))


def evaluate(cfg) -> dict:
    """Evaluates ``MODEL.WEIGHTS`` on ``DATASETS.TEST``.

    Returns:
        Results by task (by dataset and task where there are several datasets), in per cent.

    Raises:
        UserError: no dataset, no weights, or weights that do not fit.
    """
    if not cfg.DATASETS.TEST:
        raise UserError("DATASETS.TEST is empty; name a dataset: DATASETS.TEST \"('casia_v1_test',)\"")
    model, _ = load_for_inference(cfg)
    return ManipulationTrainer.test(cfg, model)


def run(args):
    """What ``tools/train_net.py`` does with its parsed arguments (see there)."""
    cfg = load_config(args.config_file, args.opts)
    cfg.freeze()
    claim = output_folder(cfg.OUTPUT_DIR, "OUTPUT_DIR") if comm.is_main_process() else contextlib.nullcontext()
    with claim:
        set_up(cfg, args)
        return evaluate(cfg) if args.eval_only else train(cfg, resume=args.resume)
