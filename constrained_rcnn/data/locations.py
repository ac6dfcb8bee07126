"""Where data sets lie: under DETECTRON2_DATASETS, and where what is prepared from them goes."""

from __future__ import annotations

import os
from pathlib import Path

#: Folder of all data sets, Detectron2's own variable; default ``datasets`` in the working directory.
DATASETS_VARIABLE = "DETECTRON2_DATASETS"
#: Folder for annotations and masks where the data sets lie on a disk that cannot be written; default: beside
#: them.
PREPARED_VARIABLE = "CONSTRAINED_RCNN_PREPARED"


def source_root(dataset: str) -> Path:
    """Folder of the data set's own files: ``$DETECTRON2_DATASETS/<dataset>`` (``~`` is expanded)."""
    return Path(os.environ.get(DATASETS_VARIABLE) or "datasets").expanduser() / dataset


def prepared_root(dataset: str) -> Path:
    """Folder of ``annotations/`` and ``masks/``: under ``$CONSTRAINED_RCNN_PREPARED``, or the source."""
    prepared = os.environ.get(PREPARED_VARIABLE)
    return Path(prepared).expanduser() / dataset if prepared else source_root(dataset)
