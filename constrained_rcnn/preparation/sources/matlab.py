"""One numeric array out of a MATLAB file, by SciPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...utils.dependencies import require
from ...utils.errors import UserError

#: A file, or an array in it, of more bytes than this holds no labels and no mask.
MAX_BYTES = 1 << 30


def read_matrix(path: Path, name: str) -> np.ndarray:
    """Reads the array called ``name``: float64, of the shape that MATLAB shows.

    Raises:
        UserError: no such file, another version of the format, damaged, no numeric array of that name, or one of more
            than ``MAX_BYTES``.
        MissingDependency: SciPy is not installed.
    """
    io = require("scipy.io", "scipy", f"{path}: MATLAB files")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: a file of more than {MAX_BYTES >> 20} MiB holds no labels and no mask")
        # A compressed array says how large it is before it is decompressed.
        shapes = {array: shape for array, shape, _ in io.whosmat(path)}
        if 8 * np.prod([int(side) for side in shapes.get(name, ())], dtype=float) > MAX_BYTES:
            raise UserError(f"{path}: {name} is of the size {shapes[name]}, too large for labels or a mask")
        values = io.loadmat(path, variable_names=[name]).get(name)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except NotImplementedError:
        raise UserError(f"{path}: not a MATLAB file up to level 5; save it in MATLAB with -v7") from None
    except Exception as error:  # SciPy's readers meet damage with whatever exception it leads to
        raise UserError(f"{path}: not a MATLAB file, or a damaged one ({error}); fetch it again") from None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        raise UserError(f"{path}: no numeric array {name} in it")
    return values.astype(np.float64)
