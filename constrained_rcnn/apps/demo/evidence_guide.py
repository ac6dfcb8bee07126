"""The images of docs/evidence.md: what each witness sees in a forgery whose history is known, and a sheet as it looks.

One photo, the first of the demo's test photos; nothing was chosen but the layout.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ...evaluation.evidence_files import made_forgeries
from ...evidence import WITNESS_NAMES, Finding, examine
from ...images.reading import read_image
from ...synthesis import demo_photos
from ...utils.files import write_jpeg_atomic
from ...visualization.overlay import grid, heat, side_by_side

#: Forgery -> the witness that looks for such traces.
_SEEN_BY = {"part on another grid": "block_grid", "part of quality 60": "jpeg_ghosts", "part with more noise": "noise"}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: Of the window that shows the sheet, and width of the image of it, pixels.
_WINDOW, _WIDTH = (1280, 1180), 960


def write_evidence_images(folder: Path) -> None:
    """Writes ``evidence.jpg``, and ``evidence_sheet.jpg`` where Chromium is installed."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = np.ascontiguousarray(demo_photos.load("test")[0][1][:, :, ::-1])
    rows, edited = [], b""
    for kind, data, truth in _forgeries(photo):
        (finding,) = examine(data, [_SEEN_BY.get(kind, "copy_move")])
        edited = data
        rows.append([side_by_side(_panels(kind, data, truth, finding), 200)])
    write_jpeg_atomic(folder / "evidence.jpg", grid(rows), 85)
    shown = _photographed(edited)
    if shown is None:
        print(f"no Chromium here: {folder / 'evidence_sheet.jpg'} stays as it is")
    else:
        write_jpeg_atomic(folder / "evidence_sheet.jpg", shown, 85)


def _forgeries(photo: np.ndarray) -> Iterator[tuple[str, bytes, np.ndarray]]:
    """Name, file and (H, W) bool of what was changed; the last is a copy-move that a photo program has saved."""
    yield from (one for one in made_forgeries(photo) if one[0] in _SEEN_BY)
    height, width = photo.shape[:2]
    side, changed, truth = min(height, width) // 4, photo.copy(), np.zeros((height, width), bool)
    top, left = height // 2, width // 8
    changed[top : top + side, left : left + side] = photo[side // 2 : side // 2 + side, width // 2 : width // 2 + side]
    truth[top : top + side, left : left + side] = True
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0110], exif[0x0131] = "Camera 1", "GIMP 2.10"
    Image.fromarray(changed[:, :, ::-1]).save(buffer, "JPEG", quality=92, exif=exif)
    yield "a part copied", buffer.getvalue(), truth


def _panels(kind: str, data: bytes, truth: np.ndarray, finding: Finding) -> list[tuple[str, np.ndarray]]:
    image = read_image(data, "BGR")
    found = np.zeros(image.shape[:2], np.float32) if finding.map is None else finding.map
    found = cv2.resize(found, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    changed = np.where(truth[:, :, None], 255, 0).astype(np.uint8).repeat(3, 2)
    return [(kind, image), ("changed", changed), (f"{finding.title}: {finding.level.words}", heat(found))]


def _photographed(data: bytes) -> np.ndarray | None:
    """The upper part of the sheet that the evidence command writes, as a browser shows it, BGR; None: there is none."""
    from ..evidence.run import run as write_sheets

    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        return None
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "edited.jpg").write_bytes(data)
        write_sheets([str(Path(place) / "edited.jpg")], str(Path(place) / "sheets"), list(WITNESS_NAMES))
        page = Path(place) / "sheets" / "edited_evidence.html"
        page.write_text(page.read_text(encoding="utf-8").replace(str(Path(place)) + "/", ""), encoding="utf-8")
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={place}/browser", "--blink-settings=preferredColorScheme=1",
            "--window-size={},{}".format(*_WINDOW), f"--screenshot={place}/shown.png", page.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        shown = read_image(f"{place}/shown.png", "BGR")
    size = _WIDTH, round(_WINDOW[1] * _WIDTH / _WINDOW[0])
    return cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
