"""An exported network as detection in files wants it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ...inference.onnx_predictor import OnnxPredictor
from ...model_zoo import default_network
from ...utils.provenance import sha256, versions
from ..inputs import printable

#: What results depend on, by the names they are imported under.
_PACKAGES = ("onnxruntime", "numpy", "PIL", "cv2")


@dataclass(frozen=True)
class OnnxNetwork:
    """A :class:`..detect.network.Network`.

    Attributes:
        path: of the ONNX file.
        max_pixels: of the largest image that is read.
        copy_moves: whether duplicated regions are looked for.
        config_sha256, text: of the config that the network was exported with.
        loaded: the predictor of this process.
    """

    path: str
    max_pixels: int
    copy_moves: bool
    config_sha256: str
    text: str
    loaded: OnnxPredictor | None = field(default=None, compare=False, repr=False)

    def __reduce__(self):
        return OnnxNetwork, (self.path, self.max_pixels, self.copy_moves, self.config_sha256, self.text)

    @classmethod
    def of(cls, path: str | None = None) -> OnnxNetwork:
        """The network of a file; None: the package's own.

        Raises:
            UserError: see :class:`...inference.onnx_predictor.OnnxPredictor`.
        """
        path = path or default_network()
        loaded = OnnxPredictor(path)
        about = loaded.about
        return cls(path, about["max_pixels"], about["copy_moves"], about["config_sha256"], about["config"], loaded)

    def about(self) -> dict:
        weights = {"file": printable(os.path.basename(self.path)), "sha256": sha256(self.path)}
        return {"weights": weights, "config_sha256": self.config_sha256, "versions": versions(_PACKAGES)}

    def config_text(self) -> str:
        return self.text

    def threads(self) -> int:
        return os.cpu_count() or 1

    def predictor(self, threads: int | None = None) -> OnnxPredictor:
        return OnnxPredictor(self.path, threads or 0) if threads or self.loaded is None else self.loaded
