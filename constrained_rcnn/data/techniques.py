"""Names, order and colours of the manipulation techniques: one place for every dataset, model and image."""

from __future__ import annotations

#: A region copied within its image.
COPY_MOVE = "copy-move"
#: Classes of the box head, in the order of their contiguous ids 0, 1, 2 (the paper's NIST16 classes).
TECHNIQUES = ("splice", COPY_MOVE, "removal")
#: The single class of a set whose technique is unknown, or whose techniques a config merges.
TAMPERED = "tampered"
#: What a detection is called whose technique is too uncertain to be named.
UNCERTAIN = "manipulated region"
#: An image with regions of more than one technique.
MIXED = "mixed"
#: An image without manipulation; never a class of the box head.
AUTHENTIC = "authentic"

#: RGB, 0..255, told apart by people with the common colour-vision deficiencies (Okabe and Ito's palette).
COLOURS = {"splice": (213, 94, 0), COPY_MOVE: (0, 114, 178), "removal": (0, 158, 115), TAMPERED: (204, 121, 167)}
