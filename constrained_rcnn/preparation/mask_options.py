"""What a user says of a set's masks: which values mean manipulated, turned about or not, how well they must fit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..utils.errors import UserError

#: A mask's colour counts as a given one if no channel is farther away, in levels: JPEG moves flat colours by less.
COLOUR_TOLERANCE = 24
#: The word for "what the alpha channel shows" among the values.
ALPHA = "alpha"
_LEVELS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_COLOUR = re.compile(r"#([0-9a-fA-F]{6})")


@dataclass(frozen=True)
class MaskValues:
    """Values of a mask that mean manipulated.

    Attributes:
        levels: (lowest, highest) grey level as stored, both included; 0..255, in 16-bit masks 0..65535; of colours
            their luma.
        colours: (red, green, blue), 0..255.
        alpha: what is more opaque than transparent is manipulated.
        text: as the user wrote it.
    """

    levels: tuple[tuple[int, int], ...] = ()
    colours: tuple[tuple[int, int, int], ...] = ()
    alpha: bool = False
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> MaskValues:
        """Reads ``1``, ``128-255``, ``#ff0000`` or ``alpha``, or several of them separated by commas.

        Raises:
            UserError: anything else.
        """
        levels: list[tuple[int, int]] = []
        colours: list[tuple[int, int, int]] = []
        alpha = False
        for word in text.replace(" ", "").split(","):
            if word.lower() == ALPHA:
                alpha = True
            elif match := _COLOUR.fullmatch(word):
                red, green, blue = bytes.fromhex(match[1])
                colours.append((red, green, blue))
            elif match := _LEVELS.fullmatch(word):
                low, high = int(match[1]), int(match[2] or match[1])
                levels.append((min(low, high), max(low, high)))
            else:
                raise UserError(
                    f"--mask-values {text}: {word!r} is neither a grey level (1), a range of them (128-255), "
                    f"a colour (#ff0000) nor {ALPHA}"
                )
        return cls(tuple(levels), tuple(colours), alpha, text)


@dataclass(frozen=True)
class MaskOptions:
    """How the masks of a set are to be taken; the defaults are the source's own rule.

    Attributes:
        values: values that mean manipulated, instead of the source's rule; None: its rule.
        invert: what the rule (or ``values``) does not mark is manipulated.
        fit: a mask whose height and width are each at most so many pixels off its image's is resampled.
    """

    values: MaskValues | None = None
    invert: bool = False
    fit: int = 0

    def as_dict(self) -> dict[str, Any]:
        """JSON values, for the fingerprint of a prepared set."""
        return {"mask_values": self.values.text if self.values else None, "invert": self.invert, "fit": self.fit}


#: Each source's own rule, nothing resampled.
USUAL = MaskOptions()
