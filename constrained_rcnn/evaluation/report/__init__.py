"""What is behind an evaluation's table: one HTML file that needs nothing else (no Torch)."""

from .cases import choose_cases
from .page import write_page

__all__ = ["choose_cases", "write_page"]
