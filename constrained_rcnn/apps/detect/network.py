"""The network that a run detects with: what it is, and how a process gets one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol

from ...utils.errors import UserError
from ...utils.provenance import sha256, versions
from ..inputs import printable


class Network(Protocol):
    """Can be pickled: worker processes make predictors of their own."""

    @property
    def max_pixels(self) -> int:
        """Of the largest image that is read."""

    def about(self) -> dict:
        """What makes the results: ``weights`` (file, sha256), ``config_sha256`` and ``versions``."""

    def config_text(self) -> str:
        """The text that ``config_sha256`` is of."""

    def threads(self) -> int:
        """How many one process uses."""

    def predictor(self, threads: int | None = None) -> Any:
        """A :class:`~constrained_rcnn.inference.predictor.ManipulationPredictor` or what stands for one.

        Args:
            threads: of a worker process; None: as many as it wants.
        """


@dataclass(frozen=True)
class TorchNetwork:
    """Attributes: cfg: of :func:`constrained_rcnn.config.load_config`, with MODEL.WEIGHTS."""

    cfg: Any

    @property
    def max_pixels(self) -> int:
        return self.cfg.INPUT.MAX_PIXELS

    def about(self) -> dict:
        return about_of(self.cfg)

    def config_text(self) -> str:
        from ...config_text import config_text

        return config_text(self.cfg)

    def threads(self) -> int:
        import torch

        return torch.get_num_threads()

    def predictor(self, threads: int | None = None) -> Any:
        from ...inference.predictor import ManipulationPredictor

        if threads is not None:
            import torch

            torch.set_num_threads(threads)
        return ManipulationPredictor(self.cfg)


def about_of(cfg) -> dict:
    """What makes the results of a config: see :meth:`Network.about`."""
    from ...config_text import config_sha256

    if not cfg.MODEL.WEIGHTS:
        raise UserError("MODEL.WEIGHTS is empty; give a checkpoint: --opts MODEL.WEIGHTS FILE")
    weights = {"file": printable(os.path.basename(cfg.MODEL.WEIGHTS)), "sha256": sha256(cfg.MODEL.WEIGHTS)}
    return {"weights": weights, "config_sha256": config_sha256(cfg), "versions": versions()}
