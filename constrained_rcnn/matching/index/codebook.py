"""The fixed codebook: cells that descriptors are sorted into, and codes that they are shortened to.

It is part of the package and the same for every index: an index needs no training, may start with one image and grow,
and what is built in two runs equals what is built in one. :func:`train` made it of 315 photos; docs/archive.md says
which.
Cells: an inverted multi-index (Babenko and Lempitsky, CVPR 2012). Codes: product quantisation (Jégou et al., TPAMI
2011).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...utils.dependencies import require
from ...utils.files import write_bytes_atomic
from ...utils.provenance import sha256

FILE = Path(__file__).with_name("codebook.npz")
#: Numbers of a descriptor; parts that choose its cell (256 each, so 65,536 cells); bytes of its code.
DIMENSIONS, CELL_PARTS, CODE_BYTES = 128, 2, 16
#: Centres of each part.
CENTRES = 256


class Codebook(NamedTuple):
    """Attributes: cells: (2, 256, 64) float32. codes: (16, 256, 8) float32. Centres of parts of descriptors."""

    cells: np.ndarray
    codes: np.ndarray


def faiss() -> Any:
    """The library; MissingDependency where it is not installed."""
    return require("faiss", "faiss-cpu", "Indexes")


@lru_cache(1)
def codebook() -> Codebook:
    """The package's."""
    with np.load(FILE) as arrays:
        return Codebook(arrays["cells"].astype(np.float32), arrays["codes"].astype(np.float32))


@lru_cache(1)
def digest() -> str:
    """SHA-256 of the package's codebook: what an index was built with."""
    return sha256(FILE)


@lru_cache(1)
def cells() -> Any:
    """Faiss's quantiser of descriptors to cells; one for the process, as every index refers to it."""
    quantiser = faiss().MultiIndexQuantizer(DIMENSIONS, CELL_PARTS, 8)
    faiss().copy_array_to_vector(codebook().cells.ravel(), quantiser.pq.centroids)
    quantiser.is_trained, quantiser.ntotal = True, CENTRES**CELL_PARTS
    return quantiser


def empty() -> Any:
    """A new Faiss index (``IndexIVFPQ``) without descriptors, in memory.

    Codes are of descriptors, not of residuals: one table of distances then serves a descriptor in every cell.
    """
    index = faiss().IndexIVFPQ(cells(), DIMENSIONS, CENTRES**CELL_PARTS, CODE_BYTES, 8)
    index.by_residual = False
    faiss().copy_array_to_vector(codebook().codes.ravel(), index.pq.centroids)
    index.is_trained = True
    return index


def train(images: Iterable[np.ndarray], each: int = 260) -> Codebook:
    """Makes a codebook; the same one of the same images in the same order.

    Args:
        images: descriptors (N, 128) float32 of each image.
        each: descriptors that are taken of an image, by chance with a fixed seed.
    """
    chance = np.random.default_rng(0)
    sample = np.concatenate([one[chance.permutation(len(one))[:each]] for one in images])
    sample = sample[chance.permutation(len(sample))]
    cells = faiss().MultiIndexQuantizer(DIMENSIONS, CELL_PARTS, 8)
    codes = faiss().ProductQuantizer(DIMENSIONS, CODE_BYTES, 8)
    cells.pq.cp.niter, codes.cp.niter = 15, 12
    cells.train(sample)
    codes.train(sample)
    parts = cells.pq, codes
    return Codebook(*(faiss().vector_to_array(one.centroids).reshape(one.M, CENTRES, one.dsub) for one in parts))


def save(made: Codebook, path: Path) -> None:
    """Writes a codebook, in half precision."""
    data = io.BytesIO()
    np.savez_compressed(data, **{name: array.astype(np.float16) for name, array in made._asdict().items()})
    write_bytes_atomic(path, data.getvalue())
