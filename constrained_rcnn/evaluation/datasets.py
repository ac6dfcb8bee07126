"""Dataset dicts by name for the commands that need no model."""

from __future__ import annotations

import os
from typing import Any

from constrained_rcnn.data import internal_form


def dataset_dicts(name: str) -> list[dict[str, Any]]:
    """Dataset dicts of a prepared split.

    Args:
        name: path of ``<root>/annotations/<split>.json`` (Torch and Detectron2 stay unloaded), or a
        registered name.

    Returns:
        As :func:`constrained_rcnn.data.internal_form.load`.

    Raises:
        UserError: no such file or dataset, or Detectron2 is missing.
    """
    if name.endswith(".json") or os.path.exists(name):
        return internal_form.load(name)
    from constrained_rcnn._require import require_detectron2

    require_detectron2()
    from constrained_rcnn.data import catalog

    return catalog.dataset_dicts(name)
