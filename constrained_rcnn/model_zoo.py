"""Finds what comes with the package: configs (at the top of a checkout, inside an installed package) and weights."""

from __future__ import annotations

from pathlib import Path

from .utils.errors import UserError

#: The config that is used where none is named, and the folder of its checkpoint, the only .pth file there.
DEFAULT_CONFIG = "constrained_rcnn_small_forgeries"
WEIGHTS_FOLDER = Path(__file__).resolve().parent / "weights"


def default_config_file() -> str:
    """Returns the absolute path of the config that :func:`default_weights` belong to."""
    return config_file(DEFAULT_CONFIG)


def default_weights() -> str:
    """Returns the absolute path of the checkpoint that comes with the package.

    Raises:
        UserError: there is none, or more than one (an incomplete or altered installation).
    """
    found = sorted(WEIGHTS_FOLDER.glob("*.pth"))
    if not found:
        raise UserError(f"{WEIGHTS_FOLDER}: the package's weights are missing; install it again or name others")
    if len(found) > 1:
        raise UserError(f"{WEIGHTS_FOLDER}: {len(found)} checkpoints; leave the package's one or name another")
    return str(found[0])


def default_network() -> str:
    """Returns the absolute path of the same network for ONNX Runtime, which ``make network`` writes.

    Raises:
        UserError: there is none, or more than one.
    """
    found = sorted(WEIGHTS_FOLDER.glob("*.onnx"))
    if len(found) != 1:
        raise UserError(f"{WEIGHTS_FOLDER}: {len(found)} ONNX files instead of one; install the package again")
    return str(found[0])


def default_options() -> tuple[str, list[str]]:
    """The config file and the options (MODEL.WEIGHTS) of the weights that come with the package.

    Raises:
        UserError: as :func:`default_weights`.
    """
    return default_config_file(), ["MODEL.WEIGHTS", default_weights()]


def load_default_config(config_file: str | None, options: list[str]):
    """A config file with options; None: the package's own config and weights, with the options on top.

    Raises:
        UserError: see :func:`constrained_rcnn.config.load_config`.
    """
    from .config import load_config  # it takes seconds to import

    if config_file is not None:
        return load_config(config_file, options)
    file, own = default_options()
    return load_config(file, [*own, *options])


def config_folder() -> Path:
    """Returns the folder that holds the yaml files, absolute.

    Raises:
        UserError: neither place has them (an incomplete installation).
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "configs", package.parent / "configs"):
        if folder.is_dir():
            return folder
    raise UserError(f"{package}: no configs beside or inside the package; install it again")


def config_names() -> list[str]:
    """Returns the names of all configs, sorted: POSIX paths relative to the folder."""
    folder = config_folder()
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))


def config_file(name: str) -> str:
    """Returns the path of a config that comes with the package.

    Args:
        name: path relative to the configs' folder, such as ``constrained_rcnn_small.yaml``; the ``.yaml`` may
            be left out.

    Returns:
        Absolute path.

    Raises:
        UserError: there is no such config.
    """
    names = config_names()
    wanted = name if name.endswith(".yaml") else f"{name}.yaml"
    if wanted not in names:
        raise UserError(f"{name}: no such config; there are {', '.join(names)}")
    return str(config_folder() / wanted)
