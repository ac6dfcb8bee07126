"""How fast and how exact the pixel metrics are, against scikit-learn (which only the tests and this need)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from ..evaluation.metrics.pixel import score_map_metrics


def benchmark_maps(height: int, width: int, seed: int = 0) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Score maps of the kinds that break metrics.

    Args:
        height, width: size in pixels.
        seed: of the noise.

    Yields:
        (kind, score map (height, width) float32 in [0, 1], mask (height, width) bool with a tenth
        manipulated).
    """
    rng = np.random.default_rng(seed)
    noise = rng.random((height, width), dtype=np.float32)
    truth = np.zeros((height, width), bool)
    top, left = height // 4, width // 4
    truth[top : top + max(height // 3, 1), left : left + max(3 * width // 10, 1)] = True
    informed = 0.8 * noise + np.float32(0.2) * truth
    yield "random", noise, truth
    yield "informed", informed, truth
    yield "tied (8 bit)", np.round(informed * 255).astype(np.float32) / np.float32(255), truth
    yield "constant", np.full_like(noise, 0.3), truth
    yield "peaked (p^8)", informed**8, truth
    yield "peaked (p^16)", informed**16, truth
    yield "peaked (1-p^16)", 1 - informed**16, truth


def reference_metrics(score_map: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """``f1_best``, ``f1_fixed`` and ``auc`` by scikit-learn, exactly.

    Args:
        score_map: (H, W) float in [0, 1].
        truth: (H, W) bool with pixels of both classes.

    Returns:
        The three numbers in [0, 1].
    """
    from sklearn.metrics import f1_score, precision_recall_curve, roc_auc_score

    scores, labels = score_map.ravel(), truth.ravel()
    precision, recall, _ = precision_recall_curve(labels, scores)
    total = precision + recall
    return {
        "f1_best": float(np.max(2 * precision * recall / np.where(total > 0, total, 1))),
        "f1_fixed": float(f1_score(labels, scores > 0.5, zero_division=0)),
        "auc": float(roc_auc_score(labels, scores)),
    }


def benchmark(height: int, width: int, repeats: int = 3) -> Iterator[dict]:
    """Times both on every kind of map.

    Args:
        height, width: size in pixels.
        repeats: runs of ours; the fastest counts. scikit-learn runs once.

    Yields:
        ``kind``, ``ours`` and ``reference`` (seconds of processor time, which other programs do not disturb;
        both use one thread), ``ratio``, and ``deviation``, the largest over f1_best, f1_fixed and auc.
    """
    for kind, score_map, truth in benchmark_maps(height, width):
        times = []
        for _ in range(repeats):
            start = time.process_time()
            metrics = score_map_metrics(score_map, truth)
            times.append(time.process_time() - start)
        start = time.process_time()
        reference = reference_metrics(score_map, truth)
        seconds = time.process_time() - start
        yield {
            "kind": kind,
            "ours": min(times),
            "reference": seconds,
            "ratio": seconds / max(min(times), 1e-9),
            "deviation": max(abs(metrics[name] - value) for name, value in reference.items()),
        }
