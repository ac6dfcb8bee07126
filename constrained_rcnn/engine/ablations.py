"""Ablations: the same short training with one part of the network left out or changed, on validation data."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..utils.errors import UserError
from .train import run

logger = logging.getLogger(__name__)

#: Metrics of a row, as metrics.json names them.
METRICS = ("f1_best", "f1_fixed", "auc", "image_auc")


@dataclass(frozen=True)
class Ablation:
    """One row of the table.

    Attributes:
        name: of the row, and of its folder.
        options: config keys and values that differ from the first row's.
        trained_as: the row whose checkpoint is evaluated; None: one of its own is trained.
    """

    name: str
    options: tuple[str, ...] = ()
    trained_as: str | None = None


#: The first is the config as it is. What only the map's fusion changes needs no training of its own.
ABLATIONS = (
    Ablation("complete"),
    Ablation("boxes alone in the map", ("MODEL.DENSE_MAP.FUSION", "boxes"), "complete"),
    Ablation("dense path alone in the map", ("MODEL.DENSE_MAP.FUSION", "dense"), "complete"),
    Ablation("higher of boxes and dense path", ("MODEL.DENSE_MAP.FUSION", "max"), "complete"),
    Ablation("no error levels", ("MODEL.DENSE_MAP.ERROR_LEVELS", "()")),
    Ablation("no constrained convolution", ("MODEL.CONSTRAINED_CONV.ENABLED", "False")),
    Ablation("9 residual channels", ("MODEL.CONSTRAINED_CONV.CHANNELS", "9")),
    Ablation("RGB beside the residuals", ("MODEL.CONSTRAINED_CONV.WITH_RGB", "True")),
    Ablation("no attention", ("MODEL.ATTENTION_RPN.ENABLED", "False")),
    Ablation("no skip fusion in the mask branch", ("MODEL.GUIDED_MASK.FUSION", "False")),
    Ablation(
        "boxes only, as in the paper",
        ("MODEL.DENSE_MAP.ENABLED", "False", "MODEL.DECISION_HEAD.ENABLED", "False", "MODEL.DENSE_MAP.FUSION", "max"),
    ),
)


def run_ablations(
    config_file: str, datasets: Sequence[str], output: str, *, names: Sequence[str] = (), options: Sequence[str] = ()
) -> list[dict]:
    """Trains and evaluates every row; what an interrupted run has finished is not done again.

    Args:
        config_file: of the first row, with the schedule (SOLVER) that all rows share.
        datasets: registered names or paths of validation splits; never a test split.
        output: folder; each row has its own below it.
        names: rows to run, by name; none: all.
        options: config keys and values for all rows, DATASETS.TRAIN among them.

    Returns:
        Per row: name, and per dataset a dict of value and interval per metric, in [0, 1].

    Raises:
        UserError: a row that is not there, or bad settings.
    """
    by_name = {ablation.name: ablation for ablation in ABLATIONS}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise UserError(f"{unknown[0]!r}: no such ablation; there are {', '.join(by_name)}")
    rows = []
    for ablation in ABLATIONS if not names else [by_name[name] for name in names]:
        trained = by_name[ablation.trained_as] if ablation.trained_as else ablation
        weights = _train(config_file, trained, Path(output), options)
        logger.info("%s: evaluating", ablation.name)
        rows.append(
            {
                "name": ablation.name,
                "results": _evaluate(config_file, ablation, weights, datasets, Path(output), options),
            }
        )
    return rows


def table(rows: Sequence[dict]) -> str:
    """The rows as a Markdown table: ``f1_best / f1_fixed / auc / image_auc`` per dataset, f1_best with its interval."""
    names = list(rows[0]["results"])
    lines = ["| | " + " | ".join(names) + " |", "| --- " * (len(names) + 1) + "|"]
    for row in rows:
        cells = []
        for name in names:
            results = row["results"][name]
            low, high = results["f1_best"]["interval"]
            values = " / ".join("-" if results[m]["value"] is None else f"{results[m]['value']:.3f}" for m in METRICS)
            cells.append(f"{values} [{low:.2f}, {high:.2f}]")
        lines.append(f"| {row['name']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _folder(output: Path, ablation: Ablation) -> Path:
    return output / ablation.name.replace(" ", "_").replace(",", "")


def _train(config_file: str, ablation: Ablation, output: Path, options: Sequence[str]) -> str:
    folder = _folder(output, ablation)
    weights = folder / "model_final.pth"
    if not weights.is_file():
        logger.info("%s: training", ablation.name)
        _run(config_file, [*options, *ablation.options, "OUTPUT_DIR", str(folder)], eval_only=False)
    return str(weights)


def _evaluate(config_file, ablation: Ablation, weights: str, datasets, output: Path, options) -> dict:
    folder = _folder(output, ablation)
    labels = [Path(name).stem for name in datasets]
    if len(set(labels)) < len(labels):
        raise UserError(f"{', '.join(datasets)}: two of these datasets have the same name; rename one of their files")
    files = {label: folder / "inference" / label / "metrics.json" for label in labels}
    if not all(file.is_file() for file in files.values()):
        evaluation_options = [
            "MODEL.WEIGHTS",
            weights,
            "DATASETS.TEST",
            repr(tuple(datasets)),
            "OUTPUT_DIR",
            str(folder),
        ]
        _run(config_file, [*options, *ablation.options, *evaluation_options], eval_only=True)
    results = {}
    for label, file in files.items():
        report = json.loads(file.read_text(encoding="utf-8"))
        unknown = [float("nan")] * 2
        results[label] = {
            name: {"value": report["metrics"].get(name), "interval": report["intervals"].get(name) or unknown}
            for name in METRICS
        }
    return results


def _run(config_file: str, options: list[str], *, eval_only: bool) -> None:
    run(argparse.Namespace(config_file=config_file, opts=options, resume=True, eval_only=eval_only))
