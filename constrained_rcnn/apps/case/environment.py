"""What else than files, weights and config can change a result: versions, threads, processor."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping

import torch

from ...utils.provenance import tree_sha256, versions


def environment(device: str, jobs: int = 1) -> dict[str, str]:
    """What this process computes with, by name.

    Args:
        device: ``MODEL.DEVICE``.
        jobs: worker processes that share the threads.
    """
    found = versions()
    found["constrained_rcnn"] += f" (tree {tree_sha256('constrained_rcnn')[:12]})"  # between releases it changes, too
    try:
        found["c2pa-python"] = importlib.metadata.version("c2pa-python")
    except importlib.metadata.PackageNotFoundError:
        found["c2pa-python"] = "not installed"
    return {
        **found,
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else device,
        "threads": str(max(1, torch.get_num_threads() // jobs)),
        "processor": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
    }


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """A line for each name whose values differ."""
    names = dict.fromkeys([*then, *now])
    return [
        f"{name}: {then.get(name, 'unknown')} then, {now.get(name, 'unknown')} now"
        for name in names
        if then.get(name) != now.get(name)
    ]
