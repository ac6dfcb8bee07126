"""The network of a scan, as its workers get it."""

from __future__ import annotations

import os

from ...model_zoo import load_default_config
from ..detect.network import TorchNetwork


class ScanNetwork(TorchNetwork):
    """That of ``detect``, for workers with another current folder, and knowing what it runs on."""

    @classmethod
    def load(cls, config_file: str | None, options: list[str]) -> ScanNetwork:
        """See :func:`...model_zoo.load_default_config`."""
        cfg = load_default_config(config_file, options)
        cfg.MODEL.WEIGHTS = cfg.MODEL.WEIGHTS and os.path.abspath(cfg.MODEL.WEIGHTS)
        return cls(cfg)

    @property
    def gpu(self) -> bool:
        """Whether each worker needs a GPU."""
        return str(self.cfg.MODEL.DEVICE).startswith("cuda")
