"""COVERAGE, Columbia, NIST16, the synthetic set and CASIA v2 in miniature: names, columns and colours as published."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.casia_tree import photo, region, write_corrections

HEIGHT, WIDTH = 40, 60
Masks = dict[str, np.ndarray]


def save(path: Path, array: np.ndarray, **options) -> None:
    """Writes an image of (H, W, 3) or (H, W) uint8 or bool; the folder is made. JPEG: quality 95, full chroma."""
    if path.suffix == ".jpg":
        options = {"quality": 95, "subsampling": 0, **options}
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.astype(np.uint8) * 255 if array.dtype == bool else array).save(path, **options)


def forged(seed: int, mask: np.ndarray) -> np.ndarray:
    """A photo with the inverse of itself in the mask."""
    pixels = photo(seed)
    pixels[mask] = 255 - pixels[mask]
    return pixels


def matlab_file(name: str, values: np.ndarray, compress: bool = False) -> bytes:
    """A MATLAB level-5 file with one array: of doubles, or of the bytes that MATLAB packs small integers into."""

    def element(kind: int, data: bytes) -> bytes:
        if len(data) <= 4:
            return struct.pack("<HH", kind, len(data)) + data.ljust(4, b"\0")
        return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    kind = {"u1": 2, "f8": 9}[values.dtype.str[1:]]
    body = element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<ii", *values.shape))
    body += element(1, name.encode()) + element(kind, values.tobytes(order="F"))
    matrix = struct.pack("<II", 14, len(body)) + body
    if compress:
        packed = zlib.compress(matrix)
        matrix = struct.pack("<II", 15, len(packed)) + packed
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + matrix


def make_coverage(root: Path, pairs: int = 24) -> Masks:
    """Pairs 1..n with factors in turn; one pair's mask is of twice the size, one of no exact one."""
    masks = {}
    for number in range(1, pairs + 1):
        mask = region(number)
        save(root / f"image/{number}.tif", photo(number))
        save(root / f"image/{number}t.tif", forged(number, mask))
        drawn = mask.repeat(2, 0).repeat(2, 1) if number == 3 else mask[:-1] if number == 5 else mask
        save(root / f"mask/{number}forged.tif", drawn)
        save(root / f"mask/{number}copy.tif", np.roll(mask, 15, axis=0))
        save(root / f"mask/{number}paste.tif", ~mask)
        masks[f"image/{number}t.tif"] = mask
    masks.pop("image/5t.tif", None)
    (root / "label").mkdir()
    factors = np.array([[1 + (number - 1) % 6] for number in range(1, pairs + 1)], np.float64)
    (root / "label/TFlabel.mat").write_bytes(matlab_file("TFlabel", factors, compress=True))
    return masks


def make_columbia(root: Path) -> Masks:
    """Three spliced images and two authentic ones; red and green, brighter near the edge, saved as JPEG."""
    cameras, masks = ("canong3", "nikond70", "canonxt"), {}
    for number in range(3):
        mask = np.zeros((120, 160), bool)
        mask[10 + 10 * number : 80, 30:100] = True
        near = np.zeros_like(mask)
        near[5 + 10 * number : 85, 25:105] = True
        near[15 + 10 * number : 75, 35:95] = False
        name = f"{cameras[number]}_{cameras[number - 1]}_sub_0{number}"
        level = np.where(near, 255, 200).astype(np.uint8)
        edge = np.zeros((120, 160, 3), np.uint8)
        edge[:, :, 0], edge[:, :, 1] = np.where(mask, 0, level), np.where(mask, level, 0)
        pixels = np.array(Image.fromarray(photo(number)).resize((160, 120)))
        pixels[mask] = 255 - pixels[mask]
        suffix = "bmp" if number == 1 else "tif"
        save(root / f"4cam_splc/{name}.{suffix}", pixels)
        save(root / f"4cam_splc/edgemask/{name}_edgemask.jpg", edge, quality=75, subsampling=2)
        masks[f"4cam_splc/{name}.{suffix}"] = mask
    for number in (10, 11):
        save(
            root / f"4cam_auth/canong3_0{number}_sub_01.tif",
            np.array(Image.fromarray(photo(number)).resize((160, 120))),
        )
    return masks


NIST_COLUMNS = (
    "TaskID", "ProbeFileID", "ProbeFileName", "ProbeMaskFileName", "DonorFileID", "DonorFileName", "DonorMaskFileName",
    "IsTarget", "ProbePostProcessed", "DonorPostProcessed", "ManipulationQuality", "IsManipulationTypeRemoval",
    "IsManipulationTypeSplice", "IsManipulationTypeCopyClone", "Collection", "BaseFileName",
)  # fmt: skip


def make_nist16(root: Path, bases: int = 12) -> dict[str, tuple[str, np.ndarray]]:
    """Three probes of each base image, one per technique, an authentic one of every other base.

    Returns:
        Probe -> (technique, mask).
    """
    rows, truth, probe_id = [], {}, 0
    for base in range(bases):
        for technique in ("splice", "copy-move", "removal", None):
            if technique is None and base % 2:
                continue
            probe_id += 1
            name, mask = f"probe/NC2016_{probe_id:04}.jpg", region(base)
            mask_name = f"reference/manipulation/mask/NC2016_{probe_id:04}_mask.png" if technique else ""
            # The probes of one base look alike, but not quite.
            pixels = forged(base, mask) if technique else photo(base)
            pixels[-3:, -3:] = probe_id
            save(root / name, pixels, quality=90)
            if technique:
                save(root / mask_name, ~mask)
                truth[name] = technique, mask
            row = dict.fromkeys(NIST_COLUMNS, "")
            row |= {"TaskID": "manipulation", "ProbeFileID": f"NC2016_{probe_id:04}", "ProbeFileName": name}
            row |= {"ProbeMaskFileName": mask_name, "IsTarget": "Y" if technique else "N"}
            row |= {"BaseFileName": f"world/NC2016_{9000 + base}.jpg"}
            for column, kind in zip(NIST_COLUMNS[11:14], ("removal", "splice", "copy-move"), strict=True):
                row[column] = "Y" if technique == kind else "N"
            if technique == "splice":
                row["DonorFileName"] = f"world/NC2016_{9100 + base // 2}.jpg"  # two bases share a donor
            rows.append(row)
    path = root / "reference/manipulation/NC2016-manipulation-ref.csv"
    lines = ["|".join(NIST_COLUMNS), *("|".join(row.values()) for row in rows)]
    path.write_text("\r\n".join(lines) + "\r\n")
    return truth


def make_coco_synthetic(root: Path, pairs: int = 20) -> dict[str, list[list[int]]]:
    """Forged images in a chain of shared sources of three each, and authentic ones.

    Returns:
        Image name -> boxes [x, y, width, height], 0-based pixels; [] for an authentic one.
    """
    lists, boxes = {"train": [], "test": []}, {}
    for number in range(pairs):
        x1, y1, x2, y2 = 5 + number % 7, 4, 25, 20  # 1-based, the last pixel included
        foreground, background = 1000 + number, 1000 + number + (number % 3 < 2)
        name = f"Tp_{foreground}_{background + 0}_{x1}_{y1}_{x2}_{y2}_dog.png"
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[y1 - 1 : y2, x1 - 1 : x2] = True
        save(root / "images" / name, forged(100 + number, mask))
        lists["test" if number % 10 == 9 else "train"].append(f"{name} {x1} {y1} {x2} {y2} tamper")
        boxes[name] = [[x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1]]
        if number % 5 == 0:
            authentic = f"COCO_train2014_{background:012}.jpg"
            save(root / "images" / authentic, photo(500 + number))
            lists["train"].append(f"{Path(authentic).stem} 1 1 {WIDTH} {HEIGHT} authentic")
            boxes[authentic] = []
    for side, lines in lists.items():
        (root / f"{side}_filter_single.txt").write_text("\n".join(lines) + "\n")
    return boxes


#: image stem, suffix, authentic image under it, technique by the published list.
CASIA_V2 = (
    ("Tp_D_NRN_S_B_ani10111_ani00001_00001", "jpg", "ani_00001", "splice"),
    ("Tp_S_NNN_M_N_txt00003_txt00003_10002", "tif", "txt_00003", "copy-move"),
    ("Tp_D_CRN_M_N_ind00010_ind00010_00003", "tif", "ind_00010", "copy-move"),  # marked D, a copy-move
    ("Tp_S_NRD_S_O_pla00020_pla00021_00004", "jpg", "pla_00020", "splice"),  # marked S, a splice
    ("Tp_D_NND_S_N_nat00030_cha00031_00005", "jpg", "nat_00030", "splice"),  # its mask lies on its side
)


def make_casia_v2(root: Path, masks_folder: str | None = "CASIA 2 Groundtruth") -> Masks:
    """Five tampered images in JPEG and TIFF, eight authentic ones, masks in one folder, the notes beside them."""
    names = (
        "ani_10111",
        "ani_00001",
        "txt_00003",
        "ind_00010",
        "pla_00020",
        "pla_00021",
        "nat_00030",
        "cha_00031",
    )
    images = {name: photo(200 + number) for number, name in enumerate(names)}
    for name, pixels in images.items():
        save(root / f"Au/Au_{name}.{'bmp' if name.startswith('ind') else 'jpg'}", pixels)
    masks = {}
    for number, (stem, suffix, background, _) in enumerate(CASIA_V2):
        mask, pixels = region(number), images[background].copy()
        pixels[mask] = 255 - pixels[mask]
        save(root / f"Tp/{stem}.{suffix}", pixels)
        masks[f"{stem}.{suffix}"] = mask
        if masks_folder:
            drawn = np.ascontiguousarray(np.rot90(mask, 3)) if number == 4 else mask
            save(root / masks_folder / f"{stem}_gt.png", drawn)
    if masks_folder:
        (root / masks_folder / "Notes").mkdir()
        wrong = [CASIA_V2[2][0], CASIA_V2[3][0]]
        right = [wrong[0].replace("Tp_D", "Tp_S"), wrong[1].replace("Tp_S", "Tp_D")]
        rows = [(f"{a}.jpg", f"{b}.jpg") for a, b in zip(wrong, right, strict=True)]
        write_corrections(
            root / masks_folder / "Notes/fileNamesCorrection.xlsx", headings=("No.", "From", "To"), rows=rows
        )
    return masks
