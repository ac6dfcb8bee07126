"""What was done to an image on its way from the file to pixels, for people to read."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reading:
    """How a file became (H, W, 3) uint8.

    Attributes:
        format: of the file, by Pillow's names; "" of an image that was in memory.
        page: which page or frame of the file it is, from 1.
        pages: how many there are; reduced copies and masks of a page do not count.
        changes: kind of change -> what was done, in words. Kinds: ``page``, ``turned``, ``bit_depth``,
            ``transparency``, ``colour_profile``, ``palette``, ``grey``, ``cmyk``, ``colours`` (of another space),
            ``metadata``, ``layout``, ``repaired``.
        profile: the file's colour profile, if it is another one than sRGB and fits the pixels, which are not
            converted; :func:`.icc.to_srgb` applies it to what people are shown.
    """

    format: str = ""
    page: int = 1
    pages: int = 1
    changes: dict[str, str] = field(default_factory=dict)
    profile: bytes = field(default=b"", repr=False, compare=False)

    def to_json(self) -> dict:
        """JSON-ready: ``format``, ``page``, ``pages`` and ``changes``."""
        return {"format": self.format, "page": self.page, "pages": self.pages, "changes": dict(self.changes)}


def page_of(page: int, pages: int, more: bool = False) -> str:
    """ "page 1 of 3"."""
    return f"page {page} of {pages}" + (" or more" if more else "")


def reading_line(reading: dict | None) -> str:
    """All changes in one line, from :meth:`Reading.to_json`; empty where there are none, or nothing is known."""
    return "; ".join(map(str, (reading or {}).get("changes", {}).values()))
