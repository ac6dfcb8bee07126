"""Asks the witnesses, each for itself: what one of them raises costs none of the others."""

from __future__ import annotations

from collections.abc import Iterable

from ..images.opening import Source
from ..utils.errors import UserError
from ..utils.files import printable
from .exhibit import Exhibit
from .file_class import CLASSES
from .finding import Finding, Level, Observation
from .rates import as_much, rates_of, refused_classes
from .registry import WITNESSES, Witness


def examine(
    source: Source | Exhibit, witnesses: Iterable[str] | None = None, *, name: str | None = None
) -> list[Finding]:
    """Asks witnesses about one image.

    Args:
        source: a file's path, its content, or an :class:`.exhibit.Exhibit`.
        witnesses: names of ``WITNESSES``; None: all of them.
        name: what messages call the image.

    Returns:
        One finding for each witness, in the order of ``WITNESSES``.

    Raises:
        UserError: the image cannot be read, or there is no such witness.
    """
    asked = _named(witnesses)
    exhibit = source if isinstance(source, Exhibit) else Exhibit.read(source, name=name)
    return [ask(witness, exhibit) for witness in asked]


def ask(witness: Witness, exhibit: Exhibit, *, unheard: bool = True) -> Finding:
    """What one witness says; a failure of its own becomes "cannot be judged" with the reason.

    Args:
        witness: of ``WITNESSES``.
        exhibit: the image.
        unheard: of a file that may belong to a class where the witness is wrong too often it says nothing.
    """
    classes = _classes(exhibit)
    try:
        refused = refused_classes(witness.name, classes) if unheard else []
        seen = _refusal(refused, exhibit) if refused else witness.observe(exhibit)
    except Exception as error:  # whatever it is: the others still speak
        reason = printable(" ".join(str(error).split())[:200]) or type(error).__name__
        sentence = f"This witness failed on the image, so it says nothing: {reason}."
        seen = Observation(Level.CANNOT_BE_JUDGED, sentence, facts={"error": type(error).__name__, "reason": reason})
    return Finding(
        witness=witness.name, title=witness.title, examined=witness.examined, level=seen.level, sentence=seen.sentence,
        map=seen.map, regions=seen.regions, facts=seen.facts, images=seen.images, look_for=witness.look_for,
        ignore=witness.ignore, innocent_causes=witness.innocent_causes, rates=rates_of(witness.name),
        file_classes=classes, as_much=as_much(witness.name, seen.level, classes),
    )  # fmt: skip


def _classes(exhibit: Exhibit) -> tuple[str, ...]:
    try:
        return exhibit.file_class.candidates
    except Exception:  # an odd file may be of any class
        return CLASSES


def _refusal(refused: list[str], exhibit: Exhibit) -> Observation:
    sentence = (
        f"This witness calls too many untouched images of the class {' or '.join(refused)} strong to be heard. "
        f"This file may be one: {exhibit.file_class.why}."
    )
    return Observation(Level.CANNOT_BE_JUDGED, sentence, facts={"refused_classes": refused})


def _named(names: Iterable[str] | None) -> list[Witness]:
    if names is None:
        return list(WITNESSES.values())
    wanted = set(names)
    if unknown := wanted - WITNESSES.keys():
        raise UserError(f"no witness {', '.join(sorted(unknown))}; there are {', '.join(WITNESSES)}")
    return [witness for name, witness in WITNESSES.items() if name in wanted]
