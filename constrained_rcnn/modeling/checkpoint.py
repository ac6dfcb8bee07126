"""Checkpoints: written whole or not at all, loaded by stated rules, with metadata that travels along."""

from __future__ import annotations

import logging
import os
import zipfile

import torch
from detectron2.checkpoint import DetectionCheckpointer

from ..utils.errors import UserError
from ..utils.files import atomic_file, write_bytes_atomic

logger = logging.getLogger(__name__)

#: Parameters that depend on the number of classes.
CLASS_SPECIFIC = ("roi_heads.box_predictor.",)
#: Parameters of the mask branch.
MASK_BRANCH = ("roi_heads.mask_",)
#: Parameters of the dense path and the decision head.
DENSE_PATH = ("dense_map.", "decision.")
#: Parameters of a ResNet: all that a checkpoint whose metadata says "pretrained" must hold.
RESNET = ("backbone.stem.", "backbone.res", "roi_heads.res5.")
#: The constrained kernels; the convolution behind them, as named here and in Detectron2's ImageNet weights.
KERNELS = "backbone.constrained_conv.weight"
STEM = ("backbone.stem.conv1.weight", "stem.conv1.weight", "conv1_w")


class ManipulationCheckpointer(DetectionCheckpointer):
    """Detectron2's checkpointer with five differences.

    A checkpoint appears under its name only when it is complete. A file that does not fit ends with one
    clear line: training may start from one that lacks the class-specific layers and the mask branch, or all but
    the ResNet where its metadata says "pretrained"; evaluation tolerates nothing. Where the mask branch's res5
    is not in the file it starts as a copy of the box branch's (as the released code does). Training may start
    from a stem of fewer input channels, see :func:`widen_stem`. Nothing in a file is executed, whatever its name
    and wherever it comes from, but for a ``.pkl`` file in training and only where that is allowed.
    """

    def __init__(
        self, model, save_dir="", *, metadata: dict | None = None, trust_pickled_weights: bool = False, **kwargs
    ):
        """
        Args:
            model, save_dir, kwargs: see :class:`DetectionCheckpointer`.
            metadata: JSON-like dict saved under "metadata" in every checkpoint.
            trust_pickled_weights: training may start from a ``.pkl`` file, such as Detectron2's ImageNet weights,
                whose reading can execute any code that its author put in.
        """
        super().__init__(model, save_dir, **kwargs)
        self.metadata = dict(metadata or {})
        self.trust_pickled_weights = trust_pickled_weights

    def save(self, name: str, **kwargs) -> None:
        """Writes ``<save_dir>/<name>.pth`` and, after it, ``last_checkpoint``; see Checkpointer.save."""
        if not self.save_dir or not self.save_to_disk:
            return
        data = {"model": self.model.state_dict(), "metadata": self.metadata, **kwargs}
        data.update((key, item.state_dict()) for key, item in self.checkpointables.items())
        path = os.path.join(self.save_dir, f"{name}.pth")
        logger.info("Saving checkpoint to %s", path)
        write_checkpoint(data, path)
        write_bytes_atomic(os.path.join(self.save_dir, "last_checkpoint"), f"{name}.pth".encode())

    def resume_or_load(self, path: str, *, resume: bool = True) -> dict:
        """As in Checkpointer; starting afresh tolerates what the class docstring says, resuming nothing."""
        if resume and self.has_checkpoint():
            return self.load_strictly(self.get_checkpoint_file())
        return self.load_for_training(path)

    def load_strictly(self, path: str, checkpointables: list[str] | None = None) -> dict:
        """Loads a checkpoint that must fit the model exactly (evaluation, prediction, resuming).

        Args:
            path: of a native ``.pth`` file.
            checkpointables: names of what else to load from it; None: all.

        Returns:
            What else the file holds, "metadata" among it.

        Raises:
            UserError: no such file, not a checkpoint, or one of another model.
        """
        path = self._local(path)
        self._check(path)
        return self.load(path, checkpointables=checkpointables)

    def load_for_training(self, path: str) -> dict:
        """Loads weights to start training from: a native checkpoint or ImageNet weights; "" loads nothing.

        Raises:
            UserError: no such file, one that does not fit, or a ``.pkl`` file that is not trusted.
        """
        if not path:
            logger.info("No MODEL.WEIGHTS: training starts from random weights")
            return {}
        if path.endswith(".pkl"):
            self._require_trust(path)  # before it is fetched
        path = self._local(path)
        pickled = path.endswith(".pkl")  # what a catalog's name leads to, too
        matching_names = None if pickled else self._check(path, training=True)
        extra = self.load(path, checkpointables=[])
        heads = getattr(self.model, "roi_heads", None)
        has_mask_res5 = matching_names is not None and any(".mask_res5." in key for key in matching_names)
        if getattr(heads, "mask_on", False) and not has_mask_res5:
            heads.mask_res5.load_state_dict(heads.res5.state_dict())
            logger.info("mask_res5 is not in %s: it starts as a copy of res5", path)
        return extra

    def _load_file(self, filename: str) -> dict:
        """Where every file is read, a hook of fvcore's Checkpointer; its own would let Torch's version decide."""
        if not filename.endswith(".pkl"):
            return read_checkpoint(filename)
        self._require_trust(filename)
        try:
            return super()._load_file(filename)
        except Exception as error:  # whatever a damaged pickle makes Python do
            raise UserError(f"{filename}: not weights of Detectron2's model zoo ({type(error).__name__})") from error

    def _load_model(self, checkpoint):
        """As in DetectionCheckpointer; a stem that is too narrow gets here only where training starts."""
        if widen_stem(checkpoint["model"], self.model.state_dict()):
            logger.info("The stem has more input channels than the file's: the others start at zero")
        return super()._load_model(checkpoint)

    def _require_trust(self, path: str) -> None:
        if not self.trust_pickled_weights:
            raise UserError(
                f"MODEL.WEIGHTS {path}: reading a pickle can execute any code that its author put in; if you trust "
                'its origin, set MODEL.TRUST_PICKLED_WEIGHTS True, or start from random weights: MODEL.WEIGHTS ""'
            )

    def _local(self, path: str) -> str:
        try:
            local = self.path_manager.get_local_path(path) if "://" in path else path
        except Exception as error:  # of the network, or of an address that no handler knows
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UserError(f"MODEL.WEIGHTS {path}: cannot be fetched ({reason})") from error
        if not os.path.isfile(local):
            raise UserError(f"MODEL.WEIGHTS {path}: no such file; give the path of a .pth checkpoint")
        return local

    def _check(self, path: str, *, training: bool = False) -> set[str]:
        """Compares names and shapes with the model's; returns the names that fit."""
        data, model, tolerated = read_checkpoint(path), self.model.state_dict(), ()
        if training:
            widen_stem(data["model"], model)
            tolerated = CLASS_SPECIFIC + MASK_BRANCH + DENSE_PATH
            if "pretrained" in data.get("metadata", {}):
                tolerated = tuple(name for name in model if not name.startswith(RESNET))
        stored_shapes = {k.removeprefix("module."): tuple(v.shape) for k, v in data["model"].items()}
        model_shapes = {k: tuple(v.shape) for k, v in model.items()}
        problems = {
            "missing": sorted(model_shapes.keys() - stored_shapes.keys()),
            "unexpected": sorted(stored_shapes.keys() - model_shapes.keys()),
            "of another shape": sorted(
                k for k in model_shapes.keys() & stored_shapes.keys() if model_shapes[k] != stored_shapes[k]
            ),
        }
        fatal = {kind: [k for k in keys if not k.startswith(tolerated)] for kind, keys in problems.items()}
        if any(fatal.values()):
            raise UserError(f"{path}: does not fit the model: {_summary(fatal)}; use the config it was trained with")
        if any(problems.values()):
            logger.info("%s: training starts without what is %s", path, _summary(problems))
        return {k for k in stored_shapes if model_shapes.get(k) == stored_shapes[k]}


def widen_stem(weights: dict, model: dict) -> bool:
    """Brings a stem of fewer input channels, and fewer constrained kernels, to the model's number.

    Every channel keeps its place among its kind: in a stem the image's channels stand first, residuals behind them.
    Weights without constrained kernels, such as ImageNet's, go to the first channels, whatever those are here. The
    other channels of the stem are zero, so that the wider network begins as the narrower one.

    Args:
        weights: from name to tensor or array, of a file; changed in place where it is narrower in nothing but that.
        model: the model's state dict; kernels that the file lacks are taken from it.

    Returns:
        Whether anything was changed.
    """
    name = next((name for name in STEM if name in weights), None)
    if name is None or STEM[0] not in model:
        return False
    narrow, wide = torch.as_tensor(weights[name]), torch.zeros_like(model[STEM[0]], device="cpu")
    if not _is_part(narrow, wide, axis=1) or narrow.shape == wide.shape:
        return False
    first = 0
    if KERNELS in weights:
        kernels, model_kernels = weights[KERNELS], model.get(KERNELS, torch.empty(0)).cpu().clone()
        if not _is_part(kernels, model_kernels, axis=0):
            return False
        image, model_image = narrow.shape[1] - len(kernels), wide.shape[1] - len(model_kernels)
        if image not in (0, model_image):
            return False
        first = model_image - image
        model_kernels[: len(kernels)] = kernels
        weights[KERNELS] = model_kernels
    wide[:, first : first + narrow.shape[1]] = narrow
    weights[name] = wide
    return True


def _is_part(narrow: torch.Tensor, wide: torch.Tensor, axis: int) -> bool:
    """Whether two shapes differ in nothing but that one is shorter along an axis."""
    shapes = [list(x.shape) for x in (narrow, wide)]
    return narrow.ndim == wide.ndim and shapes[0].pop(axis) <= shapes[1].pop(axis) and shapes[0] == shapes[1]


def read_checkpoint(path: str | os.PathLike) -> dict:
    """Reads a native checkpoint without executing anything in it.

    Args:
        path: of a file made by ``torch.save``, either ``{"model": state_dict, ...}`` or a state dict.

    Returns:
        dict with at least "model", from parameter name to dense CPU tensor; "metadata", if there, is a dict.

    Raises:
        UserError: no such file, or nothing that can be loaded so; a file that unpacks to more than its own size.
    """
    try:
        _check_members(path)
        data = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give the path of a .pth checkpoint") from None
    except Exception as error:  # damaged bytes make Torch raise IndexError, TypeError, AssertionError and more
        raise UserError(f"{path}: not a checkpoint that can be read safely ({type(error).__name__})") from error
    if isinstance(data, dict) and "model" not in data:
        data = {"model": data}
    model = data.get("model") if isinstance(data, dict) else None
    if not isinstance(model, dict) or not model or not all(map(_is_parameter, model, model.values())):
        raise UserError(f"{path}: holds no model weights; give a checkpoint that a training wrote")
    if not isinstance(data.get("metadata", {}), dict):
        raise UserError(f"{path}: its metadata is no dict; give a checkpoint that a training wrote")
    return data


def _check_members(path: str | os.PathLike) -> None:
    """Torch stores without compression, but would also unpack what a stranger compressed, or listed many times over."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > os.path.getsize(path):
            raise ValueError("unpacks to more than its own size")


def _is_parameter(name, value) -> bool:
    dense = isinstance(value, torch.Tensor) and value.layout is torch.strided and value.device.type == "cpu"
    return isinstance(name, str) and dense and not value.is_quantized and not value.is_complex()


def write_checkpoint(data: dict, path: str | os.PathLike) -> None:
    """Writes a checkpoint as a whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_file(path) as file:
        torch.save(data, file)


def _summary(problems: dict[str, list[str]]) -> str:
    """Counts with the first names of each kind, on one line."""
    parts = []
    for kind, keys in problems.items():
        if keys:
            shown = ", ".join(keys[:3]) + (", ..." if len(keys) > 3 else "")
            parts.append(f"{len(keys)} {kind} ({shown})")
    return "; ".join(parts)


def export_weights(source: str | os.PathLike, path: str | os.PathLike, *, half: bool = False, **about: str) -> dict:
    """Writes what prediction and fine-tuning need of a checkpoint: weights and metadata, no training state.

    Args:
        source: a native checkpoint.
        path: of the new one; another file than ``source``.
        half: store weights as float16; they are float32 again once loaded.
        about: added to the metadata, for instance ``licence`` and ``training_data``.

    Returns:
        The metadata.

    Raises:
        UserError: ``source`` cannot be read, or is ``path``.
    """
    if os.path.exists(path) and os.path.samefile(source, path):
        raise UserError(f"{path}: is the checkpoint itself, whose training state would be lost; name another file")
    data = read_checkpoint(source)
    model = {key: value.half() if half and value.is_floating_point() else value for key, value in data["model"].items()}
    metadata = {**data.get("metadata", {}), **about}
    write_checkpoint({"model": model, "metadata": metadata}, path)
    return metadata
