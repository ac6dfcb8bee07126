"""Reading the files that an evaluation leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...utils.errors import UserError


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises UserError where it is not there, or is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; evaluate first") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from None
