"""Keeps what decoders say on their own off the terminal while images are read, in any number of threads."""

from __future__ import annotations

import ctypes
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from PIL import Image

_reading = threading.Lock()
_readers = 0
_filters = None
_tiff_messages = None


@lru_cache(None)
def _set_tiff_handler() -> Any:
    """libtiff's function that sets who writes its error messages (a pointer; None: nobody, instead of stderr) and
    returns who did before.

    It belongs to the libtiff that Pillow has loaded: no other libtiff and no file descriptor is touched. Where that
    library hides it (it may be a part of Pillow's own file), messages stay.
    """
    try:
        function = ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError, TypeError):
        return lambda handler: None
    function.restype, function.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    return function


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of Pillow and no messages of libtiff while any thread is inside; ``warnings.catch_warnings`` alone
    holds for one thread only."""
    global _readers, _filters, _tiff_messages
    with _reading:
        _readers += 1
        if _readers == 1:
            _filters = warnings.catch_warnings()
            _filters.__enter__()
            # Our own limit goes first; at twice Pillow's an error remains.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", module=r"PIL\..*")  # of corrupt EXIF and the like
            _tiff_messages = _set_tiff_handler()(None)
    try:
        yield
    finally:
        with _reading:
            _readers -= 1
            if _readers == 0:
                if _filters is not None:
                    _filters.__exit__(None, None, None)
                _set_tiff_handler()(_tiff_messages)
