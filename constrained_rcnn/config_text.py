"""The config as it is kept beside results: what is needed to repeat them, and its digest."""

from __future__ import annotations

import hashlib

import yaml
from detectron2 import config as detectron2_config

#: What changes no result of given weights, and so is left out of the config that is kept beside results.
_TRAINING = (
    "OUTPUT_DIR", "MODEL.WEIGHTS", "VIS_PERIOD", "SEED", "SOLVER", "DATALOADER", "DATASETS.TRAIN", "DATASETS.TEST",
    "DATASETS.SYNTHESIS",
)  # fmt: skip


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


def config_text(cfg, *, training: bool = False) -> str:
    """What is needed to repeat a run, as yaml for :func:`.config.load_config`; the same text for the same values.

    This package's keys, and those of Detectron2 that differ from their defaults: one that is new in Detectron2's main
    branch and not used would keep Detectron2 0.6 from loading it, and would change the digest.

    Args:
        cfg: from :func:`.config.load_config`.
        training: keep what only training uses, and paths, too.
    """
    values = yaml.safe_load(cfg.dump())
    for key in () if training else _TRAINING:
        *parents, name = key.split(".")
        group = values
        for parent in parents:
            group = group.get(parent, {})
        group.pop(name, None)
    kept = _changed(values, yaml.safe_load(detectron2_config.get_cfg().dump()))
    # Without it Detectron2 guesses. A dump marks values that happen to be one object; a file that is read has none.
    return yaml.dump({**kept, "VERSION": cfg.VERSION}, Dumper=_WithoutAliases, sort_keys=True)


def _changed(values: dict, defaults: dict) -> dict:
    """What is not in ``defaults``, or has another value there."""
    kept = {}
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(value, dict) and isinstance(default, dict):
            value = _changed(value, default)
            if value:
                kept[key] = value
        elif key not in defaults or value != default:
            kept[key] = value
    return kept


def config_sha256(cfg) -> str:
    """Hexadecimal SHA-256 of :func:`config_text` in UTF-8."""
    return hashlib.sha256(config_text(cfg).encode()).hexdigest()
