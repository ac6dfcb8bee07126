"""A published data set with one tree: the options and the run that its command shares with others.

Its module in :mod:`...preparation.sources` has ``find_layout(root)`` and ``scan(layout, mask options)``, or
``scan(layout)`` where there are no masks.
"""

from __future__ import annotations

import argparse
import importlib
from functools import partial

from ...data.locations import source_root
from ...preparation.published import Published
from .options import add_common, add_mask_options, add_places, add_tree, mask_options


def add_options(parser: argparse.ArgumentParser, name: str, published: Published, *, masks: bool = True) -> None:
    """Adds the options.

    Args:
        parser: of the command.
        name: of the set, and of its folder among the data sets.
        published: what is told about it.
        masks: it has masks, so that their options make sense.
    """
    add_tree(parser, published.tree)
    add_places(parser, "the folder of the tree below", name)
    if masks:
        add_mask_options(parser)
    add_common(parser, test_fraction=published.test_fraction, splits=published.test_fraction is not None)
    if published.test_fraction is None:
        parser.set_defaults(test_fraction=1.0, split_file=None, seed=0)


def prepare(args: argparse.Namespace, name: str, *, masks: bool = True) -> int:
    """Prepares the set called ``name``. Returns the exit status."""
    from .run import output_of, prepare_set

    source = importlib.import_module(f"constrained_rcnn.preparation.sources.{name}")
    root = args.root or source_root(name)
    layout = source.find_layout(root)
    options = mask_options(args) if masks else None
    scan = partial(source.scan, layout, options) if masks else partial(source.scan, layout)
    return prepare_set(args, name, output_of(args, name, root), root, layout.inputs, scan, options)
