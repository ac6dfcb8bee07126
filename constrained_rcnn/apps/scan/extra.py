"""The one line that says which extra is missing."""

from __future__ import annotations

import importlib.util

from ...utils.errors import UserError


def require(*packages: str) -> None:
    """
    Raises:
        UserError: one of the packages is not installed.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise UserError(f"{package} is not installed, scan needs it: pip install 'constrained_rcnn[ray]'")
