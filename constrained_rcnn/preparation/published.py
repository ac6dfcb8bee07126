"""How the published data sets lie on the disk and how they are split: what help tells; imports nothing."""

from __future__ import annotations

from dataclasses import dataclass

#: The word that stands for "join the masks of an image" where a folder of masks can stand, too.
UNION = "union"


@dataclass(frozen=True)
class Published:
    """Attributes: title: what people call it. tree: lines for help. test_fraction: share of the images that its authors
    or the paper test on; None: all."""

    title: str
    tree: str
    test_fraction: float | None = None


CASIA = Published(
    "CASIA TIDE v1.0 or v2.0 (told from the tree)",
    """\
  version 1.0:
  <root>/Au/Au_<category>_<number>.jpg                    authentic
  <root>/Sp/Sp_<D|S>_<letters>_<id1>_<id2>_<number>.jpg   tampered
  <root>/CASIA 1.0 groundtruth/                           any folder with `groundtruth` in its name
      CM/<tampered name>_gt.png                           masks of copy-moves
      Sp/<tampered name>_gt.png                           masks of splices
      FileNameCorrection.xlsx                             corrections of names, published with the masks
  version 2.0:
  <root>/Au/Au_<category>_<number>.jpg or .bmp            authentic
  <root>/Tp/Tp_<D|S>_<letters>_<S|M|...>_<N|B|...>_<id1>_<id2>_<number>.jpg or .tif   tampered
  <root>/CASIA 2 Groundtruth/                             likewise; or Gt, as the corrected masks come
      <tampered name>_gt.png
      fileNamesCorrection.xlsx                            here, or
  <root>/Notes/fileNamesCorrection.xlsx                   in a folder of notes beside the masks
  Without masks they are made by subtraction from the authentic images.""",
    test_fraction=0.3,
)
COLUMBIA = Published(
    "Columbia's uncompressed splicing set",
    """\
  <root>/4cam_auth/<camera>_<n>_sub_<nn>.tif            authentic
  <root>/4cam_splc/<camera1>_<camera2>_sub_<nn>.tif     spliced
  <root>/4cam_splc/edgemask/<name>_edgemask.jpg         red: one camera, green: the other, brighter along the edge;
                                                        a black-and-white one is white where spliced""",
)
COVERAGE = Published(
    "COVERAGE",
    """\
  <root>/image/<n>.tif              original, n = 1 to 100
  <root>/image/<n>t.tif             the same with one object copied
  <root>/mask/<n>forged.tif         the pasted copy: the ground truth used here
  <root>/mask/<n>copy.tif, <n>paste.tif   not used
  <root>/label/TFlabel.mat          TFlabel (100 x 1): 1 none, 2 scaling, 3 rotation, 4 freeform,
                                    5 illumination, 6 combination""",
    test_fraction=0.25,  # paper: 75 pairs for training, 25 for testing
)
NIST16 = Published(
    "NIST Nimble 2016",
    """\
  <root>/reference/manipulation/NC2016-manipulation-ref.csv
                    one row per probe, separated by `|`, columns by name:
                    ProbeFileName, ProbeMaskFileName   paths under <root>; masks are BLACK where manipulated
                    IsTarget                           Y manipulated, N authentic
                    IsManipulationTypeSplice, IsManipulationTypeCopyClone, IsManipulationTypeRemoval   Y or N
                    BaseFileName, DonorFileName        images that the probe was made of (they make the groups)
  <root>/probe/...  and whatever else the CSV names""",
    test_fraction=160 / 564,  # RGB-N's and the paper's split: 404 training and 160 test images
)
COCO_SYNTHETIC = Published(
    "RGB-N's synthetic set of COCO objects",
    """\
  <root>/train_filter_single.txt, test_filter_single.txt
          lines `<name> x1 y1 x2 y2 tamper` or `... authentic`; corners in pixels, the first pixel is 1
  <root>/**/Tp_<foreground id>_<background id>_<x1>_<y1>_<x2>_<y2>_<category>.png
  <root>/**/<name of an authentic line>     .png or .jpg, also where the line leaves the suffix out""",
    test_fraction=0.1,  # RGB-N: a tenth of the pairs
)
FOLDER_TREE = """\
  <images>/**/a.jpg              images
  <masks>/**/a.png, a_gt.png or a_mask.png   manipulated where grey > 127, of the image's size; _GT and _MASK, too
                                 (without --masks: a_gt.png or a_mask.png beside the image)
  <images>/**/a_orig.jpg         without a mask and beside a forgery: its authentic original
  <authentic>/**/b.jpg           authentic images, no mask needed
  labels.csv                     image,technique[,group] with image relative to <images>; technique one of
                                 splice, copy-move, removal, tampered, authentic"""

#: Name -> how another tool lists images and masks.
PEER_FORMATS = {
    "imdl-json": "IMDL-BenCo, [[image, mask], ...], mask `Negative` for an authentic image",
    "imdl-folder": "IMDL-BenCo, Tp/ and Gt/ paired by their sorted order; a black mask means authentic",
    "mvss": "MVSS-Net, lines `image mask label`, mask `None` where label is 0",
    "trufor": "TruFor, lines `image,mask`; `None` for an authentic image",
    "catnet": "CAT-Net, lines `image,mask,jpeg`; `None` for an authentic image; jpeg: whose JPEG coefficients are read",
}
