"""Evidence sheets: what several independent witnesses say about each image."""

from .command import main

__all__ = ["main"]
