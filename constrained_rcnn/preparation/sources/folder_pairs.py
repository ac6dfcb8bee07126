"""Which masks of a folder belong to which image, and which image is the original of which forgeries: by their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from . import without_ending

#: What the stem of an original may have that lies beside its forgeries (IMD2020).
ORIGINAL_ENDING = re.compile(r"_orig(?:inal)?$", re.IGNORECASE)


@dataclass
class Pairs:
    """What was found; names are posix, relative to the images' folder, masks are paths.

    Attributes:
        masks: image name -> its masks, one or more.
        torn: image name -> (mask, all images that it would have to serve): none of them gets it.
        shared: mask -> images of one folder and stem (``a.jpg``, ``a.png``) that all have it.
        unused: masks of no image.
    """

    masks: dict[str, list[Path]] = field(default_factory=dict)
    torn: dict[str, tuple[Path, list[str]]] = field(default_factory=dict)
    shared: dict[Path, list[str]] = field(default_factory=dict)
    unused: list[Path] = field(default_factory=list)


def pair_masks(images: Iterable[str], masks: Mapping[str, Path]) -> Pairs:
    """Gives each mask to the image that it fits best.

    A mask fits an image of its own stem, or of its stem without ``_gt`` or ``_mask``, at the same place in the tree; a
    mask anywhere else fits only if it lies directly in the masks' folder and the image has none at its own place. No
    mask serves images of different folders.

    Args:
        images: names, posix, relative to the images' folder.
        masks: name -> path, likewise relative to the masks' folder.
    """
    by_stem: dict[str, list[tuple[int, Path]]] = defaultdict(list)
    for name, path in masks.items():
        stem = _stem(name)
        by_stem[stem].append((0, path))
        if without_ending(stem) != stem:
            by_stem[without_ending(stem)].append((1, path))
    claims: dict[Path, list[tuple[int, str]]] = defaultdict(list)
    for name in images:
        stem = _stem(name)
        near = [(rank, path) for rank, path in by_stem[stem]]
        flat = [(rank + 2, path) for rank, path in by_stem[PurePosixPath(stem).name]]
        for rank, path in near or flat:
            claims[path].append((rank, name))

    pairs = Pairs(unused=[path for path in masks.values() if path not in claims])
    for path, claimants in sorted(claims.items()):
        best = min(rank for rank, _ in claimants)
        owners = [name for rank, name in claimants if rank == best]
        if len({_stem(name) for name in owners}) > 1:
            pairs.torn.update({name: (path, owners) for name in owners})
            continue
        if len(owners) > 1:
            pairs.shared[path] = owners
        for name in owners:
            pairs.masks.setdefault(name, []).append(path)
    return pairs


def is_mask_beside(name: str, stems: Iterable[str]) -> bool:
    """Whether ``sub/a_gt.png`` is the mask of an image ``sub/a.*``; ``stems``: all names without suffix, a set."""
    stem = _stem(name)
    return without_ending(stem) != stem and without_ending(stem) in stems


def originals(names: Iterable[str], forged: Sequence[str]) -> dict[str, list[str]]:
    """Authentic originals that lie beside their forgeries, by their name (``a_orig.jpg``).

    Args:
        names: images without a mask.
        forged: images with one.

    Returns:
        Original -> the forgeries made of it: those whose names begin as it does, else, where it is the only original in
        its folder, all forgeries there; else none. Names that do not end so, or that lie beside no forgery, are not in
        it.
    """
    forged_in: dict[str, list[str]] = defaultdict(list)
    for name in forged:
        forged_in[str(PurePosixPath(name).parent)].append(name)
    folder_of = {
        name: str(PurePosixPath(name).parent)
        for name in names
        if ORIGINAL_ENDING.search(_stem(name)) and str(PurePosixPath(name).parent) in forged_in
    }
    made_of = {}
    for name, folder in folder_of.items():
        begin = ORIGINAL_ENDING.sub("", _stem(name))
        descendants = [other for other in forged_in[folder] if re.match(re.escape(begin) + r"(?![^\W_])", _stem(other))]
        only_original = list(folder_of.values()).count(folder) == 1
        made_of[name] = descendants or (forged_in[folder] if only_original else [])
    return made_of


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()
