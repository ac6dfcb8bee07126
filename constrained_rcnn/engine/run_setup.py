"""What a training or evaluating process does first: log, seed, and the config that repeats it."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch
from detectron2.utils import comm
from detectron2.utils.collect_env import collect_env_info
from detectron2.utils.env import seed_all_rng
from detectron2.utils.logger import setup_logger

from ..config_text import config_text
from ..utils.files import write_bytes_atomic


def set_up(cfg, args: argparse.Namespace) -> None:
    """Does what Detectron2's ``default_setup`` does, with another ``config.yaml``.

    Detectron2's has every key of the installed branch, so that no other one can load it, and an evaluation replaces the
    one of the training in the same folder. Ours is :func:`..config_text.config_text`; an evaluation's is
    ``inference/config.yaml``.

    Args:
        cfg: the run's config.
        args: of ``tools/train_net.py``.

    Raises:
        OutputError: the config cannot be written.
    """
    rank = comm.get_rank()
    logging.raiseExceptions = False  # a disk that is full when the log is written ends the run at the next output
    for name in ("fvcore", "detectron2", "constrained_rcnn"):
        logger = setup_logger(cfg.OUTPUT_DIR, distributed_rank=rank, name=name)
    logger.info("Rank of current process: %d. World size: %d", rank, comm.get_world_size())
    logger.info("Environment info:\n%s", collect_env_info())
    logger.info("Command line arguments: %s", args)
    text = config_text(cfg, training=True)
    logger.info("Config, without Detectron2's defaults:\n%s", text)
    if comm.is_main_process():
        folder = Path(cfg.OUTPUT_DIR, "inference" if args.eval_only else "")
        write_bytes_atomic(folder / "config.yaml", text.encode())
    seed_all_rng(None if cfg.SEED < 0 else cfg.SEED + rank)
    if not args.eval_only:
        torch.backends.cudnn.benchmark = cfg.CUDNN_BENCHMARK
    if cfg.get("FLOAT32_PRECISION"):  # a key of Detectron2's main branch
        torch.set_float32_matmul_precision(cfg.FLOAT32_PRECISION)
