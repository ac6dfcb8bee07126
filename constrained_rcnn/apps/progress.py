"""How far a command is: bars on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tqdm import tqdm

#: Least seconds between two lines of a log.
LOG_SECONDS = 10.0
#: Runs of the network from which an image has a bar of its own: fewer take a few seconds.
MANY_RUNS = 4


def progress_bar(*args, **options) -> tqdm:
    """A bar of tqdm, with its arguments, on stderr; where that is no terminal, a line in ``LOG_SECONDS`` at most."""
    return tqdm(*args, **{"mininterval": 0.1 if sys.stderr.isatty() else LOG_SECONDS, **options})


def image_progress(name: str, clock: Callable[[], float] = time.monotonic) -> Callable[[int, int], None]:
    """What tells people how far an image is that takes long: a bar below the run's, or lines.

    Args:
        name: of the image, safe to print.
        clock: seconds.

    Returns:
        To be called with (runs of the network done, runs in all), with none done first.
    """
    bar, started, told = None, clock(), clock()

    def report(done: int, total: int) -> None:
        nonlocal bar, told
        if total < MANY_RUNS:
            return
        if sys.stderr.isatty():
            bar = bar or tqdm(total=total, unit="tile", desc=name, leave=False, position=1)
            bar.update(done - bar.n)
            if done == total:
                bar.close()
        elif 0 < done < total and clock() - told >= LOG_SECONDS:
            told = clock()
            left = (told - started) / done * (total - done)
            print(f"\n{name}: {done} of {total} tiles, about {left:.0f} s left", file=sys.stderr, flush=True)

    return report
