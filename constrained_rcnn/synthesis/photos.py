"""The photos that forgeries are made of: in memory or in a folder, and which may meet in one forgery."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..images.folder_listing import list_images
from ..images.reading import read_header, read_image
from ..utils.errors import UserError

#: A photo's name, and its H x W x 3 uint8 RGB pixels or the file that holds them.
Photo = tuple[str, "np.ndarray | Path"]

#: Photos that may be donors to one another. Small families keep test sets possible: a forgery's source
#: images are all in one family, so that families, not single photos, are put on the sides of a split.
FAMILY = 5


def find_photos(folder: Path, size: tuple[int, int], exclude: Sequence[Path] = ()) -> tuple[list[Photo], list[str]]:
    """Lists the usable photos of a folder by their headers; no pixel is decoded.

    Args:
        folder: searched recursively.
        size: (height, width) of the forgeries; a photo of less than half of it would be all interpolation.
        exclude: folders to pass over, such as the output's own when it lies in ``folder``.

    Returns:
        The photos, named by their path in the folder, and one line for each file left out.

    Raises:
        UserError: no folder, or no usable photo in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of photos; check --images")
    photos: list[Photo] = []
    skipped = []
    for path in list_images(folder, exclude=exclude):
        try:
            header = read_header(path)
        except UserError as error:
            skipped.append(str(error))
            continue
        if header.height * 2 < size[0] or header.width * 2 < size[1]:
            small = f"{header.height} x {header.width} is less than half of {size[0]} x {size[1]}"
            skipped.append(f"{path}: {small}")
        else:
            photos.append((path.relative_to(folder).as_posix(), path))
    if not photos:
        reason = f" ({len(skipped)} left out, the first: {skipped[0]})" if skipped else ""
        raise UserError(f"{folder}: no usable photo; give a folder of photos, or a smaller --size{reason}")
    return photos, skipped


def find_in_folders(
    folders: Sequence[Path], size: tuple[int, int], exclude: Sequence[Path] = ()
) -> tuple[list[Photo], list[str]]:
    """As ``find_photos`` for one folder or several; of several, a photo's name begins with its folder's.

    Raises:
        UserError: as ``find_photos``, or two folders of one name.
    """
    if len(folders) == 1:
        return find_photos(folders[0], size, exclude)
    prefixes = [Path(folder).resolve().name for folder in folders]
    for prefix in prefixes:
        if prefixes.count(prefix) > 1:
            raise UserError(f"--images: two folders are named {prefix}, and so would be their photos; rename one")
    photos, skipped = [], []
    for folder, prefix in zip(folders, prefixes):
        found_in_folder, skipped_in_folder = find_photos(folder, size, exclude)
        photos += [(f"{prefix}/{name}", path) for name, path in found_in_folder]
        skipped += skipped_in_folder
    return photos, skipped


def read_photo(photo: Photo) -> np.ndarray:
    """The pixels, H x W x 3 uint8 RGB.

    Raises:
        UserError: a file that cannot be decoded.
    """
    pixels = photo[1]
    return pixels if isinstance(pixels, np.ndarray) else read_image(pixels, "RGB")


def families(
    photos: Sequence[Photo], seed: int, count: int | None = None, kinds: Sequence[str] | None = None
) -> tuple[list[list[int]], list[str]]:
    """Puts photos into families at random; files that cannot be read are found out here, before any work.

    Args:
        photos: their order and names decide, with the seed.
        count: families with so many readable photos are enough (a small set from a large folder opens few
            files); None: all photos.
        kinds: of each photo, what it shows; families are made of one kind as far as the photos go.

    Returns:
        Lists of about ``FAMILY`` indices, at least two in each where there are two at all, no photo in two of
        them; and one line for each file that cannot be read.
    """
    order = np.random.default_rng([seed, len(photos)]).permutation(len(photos)).tolist()
    groups, skipped, total = [], [], 0
    waiting: dict[str, list[int]] = {}
    for index in order:
        try:
            read_photo(photos[index])
        except UserError as error:
            skipped.append(str(error))
            continue
        kind = kinds[index] if kinds else ""
        family = waiting.setdefault(kind, [])
        family.append(index)
        if len(family) == FAMILY:
            groups.append(waiting.pop(kind))
            total += FAMILY
            if count is not None and total >= count:
                waiting.clear()
                break
    groups += [family for family in waiting.values() if len(family) >= 2]
    singles = sum((family for family in waiting.values() if len(family) < 2), [])
    for start in range(0, len(singles), FAMILY):
        family = singles[start : start + FAMILY]
        if len(family) >= 2 or not groups:
            groups.append(family)
        else:
            groups[-1] += family
    return [family for family in groups if family], sorted(skipped)


def split_photos(photos: Sequence[Photo], fraction: float, seed: int) -> tuple[list[Photo], list[Photo]]:
    """Puts whole photos on the sides of a split, before any forgery is made.

    Args:
        fraction: share of photos for the test side, in (0, 1).

    Returns:
        (train, test), each in the photos' order and with at least one photo.

    Raises:
        UserError: fewer than four photos, which leave a side without a donor.
    """
    if len(photos) < 4:
        raise UserError(f"{len(photos)} photos cannot be split: add photos, or make splits from two folders")
    count = min(len(photos) - 2, max(2, round(fraction * len(photos))))
    chosen = set(np.random.default_rng([seed, 1]).permutation(len(photos))[:count].tolist())
    test = [photo for i, photo in enumerate(photos) if i in chosen]
    return [photo for i, photo in enumerate(photos) if i not in chosen], test
