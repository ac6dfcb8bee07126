"""The witnesses' names, in the order of the sheet: from what the file says to what the pixels say. Imports nothing."""

WITNESS_NAMES = (
    "provenance",
    "metadata",
    "jpeg_history",
    "double_jpeg",
    "block_grid",
    "jpeg_ghosts",
    "error_levels",
    "noise",
    "copy_move",
)
