"""Predicting in processes that were forked, and in processes that predict for long.

A forked child has none of its parent's threads, but their pools believe that it has: its first parallel operation would
wait for them for ever (OpenMP in PyTorch, and OpenCV). Here such a child gets one thread, which needs no pool.

The C library keeps memory that was freed in pieces between others; with images of ever-new sizes the pieces fit ever
fewer tensors (1.2 GB after 1,600 sizes where 0.8 GB are in use). Here they are given back before each image. What keeps
them apart is small and stays: oneDNN's compiled operations, of which it keeps 1,024 unless told otherwise.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

import cv2
import torch

#: Compiled operations that oneDNN keeps for prediction. Images of one size take no longer than with all of them.
COMPILED_OPERATIONS = 64

_state = {"guarded": False, "forked": False, "cuda": False, "opencv": 0}


def guard_forks() -> None:
    """Makes processes that are forked from now on fit to predict, with one thread each; harmless when called again."""
    if _state["guarded"] or not hasattr(os, "register_at_fork"):  # Windows does not fork
        return
    _state["guarded"] = True
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)


def keep_few_compiled_operations() -> None:
    """Bounds oneDNN's memory, where it has not compiled anything yet and the user has not set it. Not for training: its
    steps need more operations, always the same."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(COMPILED_OPERATIONS))


def before_prediction(device: torch.device) -> None:
    """To be called before each image: refuses where it would hang, and gives freed memory back.

    Args:
        device: of the model.

    Raises:
        RuntimeError: a forked child with several threads, or with a GPU that its parent used.
    """
    if _state["forked"]:
        advice = 'start processes by "spawn" (multiprocessing.get_context("spawn"))'
        if device.type == "cuda" and _state["cuda"]:
            raise RuntimeError(f"this process was forked from one that used the GPU and cannot use it; {advice}")
        if torch.get_num_threads() > 1:
            raise RuntimeError(
                f"this process was forked and would wait for ever for {torch.get_num_threads()} threads that only its "
                f"parent has; leave torch.set_num_threads(1), or {advice}"
            )
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


def _before_fork() -> None:
    _state["cuda"] = torch.cuda.is_initialized()
    _state["opencv"] = cv2.getNumThreads()
    cv2.setNumThreads(0)


def _in_parent() -> None:
    cv2.setNumThreads(_state["opencv"])


def _in_child() -> None:
    _state["forked"] = True
    torch.set_num_threads(1)


@cache
def _malloc_trim():
    """glibc's function that gives freed memory back to the system; None under another C library."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    trim.argtypes = [ctypes.c_size_t]
    return trim
