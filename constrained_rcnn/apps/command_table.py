"""Every command of ``constrained-rcnn``: name, module, front and a line of help. The module is imported when it is run.

A command's module has a docstring, its description; ``add_arguments(parser)``; and ``run(args)``, which returns the
exit status or None (0).
"""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """Attributes: name: one word, or two. module: below ``constrained_rcnn.apps``. front: script that does the same,
    below the repository; "" where there is none. help: one line."""

    name: str
    module: str
    front: str
    help: str

    def load(self):
        """The command's module; imported here and nowhere else."""
        return importlib.import_module(f".{self.module}", __package__)

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Gives a parser the command's description and options."""
        module = self.load()
        parser.description = (module.__doc__ or "").strip()
        module.add_arguments(parser)


#: What commands of two words begin with.
PREFIXES = {
    "prepare": "Prepare a data set, or look after prepared ones",
    "convert": "Convert weights of other projects",
    "index": "Index an archive, and find images in it",
    "benchmark": "Measure what things cost, as ratios in one run",
}

#: Title -> commands, in the order in which help lists them.
COMMANDS: dict[str, tuple[Command, ...]] = {
    "Analyse images": (
        Command("detect", "detect.command", "tools/demo.py", "detect and localise manipulations in images"),
        Command(
            "scan", "scan.command", "tools/scan.py", "detect in very many files, on a machine or a cluster, to Parquet"
        ),
        Command(
            "compare", "compare.command", "tools/compare_images.py",
            "compare images: near-duplicates, shared regions, altered regions",
        ),
        Command("index build", "index.build", "", "build an index of an archive, or go on with it"),
        Command("index add", "index.add", "", "add images to an index"),
        Command("index query", "index.query", "", "find images of an archive that share something with an image"),
        Command("index check", "index.check", "", "check an index, and list what could not be indexed"),
        Command(
            "evidence", "evidence.command", "tools/evidence.py",
            "write a sheet of independent witnesses for each image",
        ),
        Command(
            "serve", "serve.command", "tools/serve.py", "open a page to drop images on, and a JSON API, on this machine"
        ),
        Command(
            "verify", "case.command", "tools/verify_case.py", "check a sealed case, and detect in it again"
        ),
    ),
    "Train": (
        Command("train", "commands.train", "tools/train_net.py", "train by a config file"),
        Command(
            "fit-decision", "commands.fit_decision", "tools/fit_decision.py", "fit the decision head on whole images"
        ),
        Command(
            "mine-hard-negatives", "commands.mine_hard_negatives", "tools/mine_hard_negatives.py",
            "make a training set of crops that cause false alarms",
        ),
        Command(
            "calibrate", "commands.calibrate", "tools/calibrate.py",
            "choose the operating points on authentic images and store them in the checkpoint",
        ),
        Command(
            "export", "commands.export", "tools/export_weights.py",
            "write a checkpoint to hand on, or the network as ONNX or torch.export program",
        ),
        Command(
            "convert tensorflow", "commands.convert_tensorflow", "tools/convert_tensorflow_checkpoint.py",
            "convert a published TensorFlow checkpoint",
        ),
        Command(
            "convert open-nsfw", "commands.convert_open_nsfw", "tools/convert_open_nsfw.py",
            "convert the ImageNet features of the half-width ResNet-50",
        ),
    ),
    "Evaluate": (
        Command("evaluate", "commands.evaluate", "", "evaluate a checkpoint on test sets"),
        Command(
            "evaluate-predictions", "commands.evaluate_predictions", "tools/evaluate_predictions.py",
            "evaluate manipulation maps of any tool",
        ),
        Command(
            "evaluate-baselines", "commands.evaluate_baselines", "tools/evaluate_baselines.py",
            "evaluate maps that need no training",
        ),
        Command(
            "evaluate-copy-move", "commands.evaluate_copy_move", "tools/evaluate_copy_move.py",
            "count how often duplicated regions are found",
        ),
        Command(
            "evaluate-comparison", "commands.evaluate_comparison", "tools/evaluate_comparison.py",
            "count how often image comparison finds originals and sources",
        ),
        Command(
            "evaluate-evidence", "commands.evaluate_evidence", "tools/evaluate_evidence.py",
            "measure how often each witness of the evidence sheet is wrong",
        ),
        Command(
            "evaluate-presets", "commands.evaluate_presets", "tools/preset_strength.py",
            "measure how hard a preset's forgeries are for the baselines",
        ),
        Command("ablate", "commands.ablate", "tools/run_ablations.py", "train with one part left out at a time"),
        Command(
            "false-alarms", "commands.false_alarms", "tools/false_alarms.py",
            "count how often authentic images are called manipulated",
        ),
        Command(
            "robustness", "commands.robustness", "tools/robustness.py",
            "evaluate on compressed, noisy, blurred and resized images",
        ),
        Command(
            "report", "commands.report", "tools/evaluation_page.py", "write an evaluation's HTML report from its files"
        ),
        Command(
            "compare-runs", "commands.compare_runs", "tools/compare_runs.py",
            "test whether two evaluations differ (paired bootstrap)",
        ),
    ),
    "Data sets": (
        Command("prepare casia", "prepare.casia", "datasets/prepare_casia.py", "prepare CASIA TIDE v1.0 and v2.0"),
        Command(
            "prepare columbia", "prepare.columbia", "datasets/prepare_columbia.py",
            "prepare Columbia's uncompressed splicing set",
        ),
        Command("prepare coverage", "prepare.coverage", "datasets/prepare_coverage.py", "prepare COVERAGE"),
        Command("prepare nist16", "prepare.nist16", "datasets/prepare_nist16.py", "prepare NIST Nimble 2016"),
        Command(
            "prepare coco-synthetic", "prepare.coco_synthetic", "datasets/prepare_coco_synthetic.py",
            "prepare RGB-N's synthetic set of COCO objects",
        ),
        Command(
            "prepare folder", "prepare.folder", "datasets/prepare_folder.py", "prepare any folder of images and masks"
        ),
        Command(
            "prepare convert-format", "prepare.convert_format", "datasets/convert_format.py",
            "import and export the lists of other tools",
        ),
        Command(
            "prepare find-duplicates", "prepare.find_duplicates", "datasets/find_duplicates.py",
            "list images that two prepared splits share",
        ),
        Command("synthesize", "synthesize", "tools/synthesize.py", "make forgeries with masks from photos"),
        Command(
            "visualize", "commands.visualize", "tools/visualize_data.py", "draw a data set's images, masks and boxes"
        ),
        Command(
            "audit", "commands.audit", "tools/audit_dataset.py",
            "measure how well file-level cues alone tell authentic from manipulated",
        ),
        Command(
            "recompress", "commands.recompress", "tools/recompress_dataset.py",
            "write a data set again with every image compressed alike",
        ),
    ),
    "Demonstrate": (
        Command("demo", "demo.command", "tools/run_demo.py", "detect forgeries that are made on the spot"),
        Command("guide-images", "demo.guide", "tools/make_guide_images.py", "make the images of docs/ again"),
    ),
    "Benchmark": (
        Command(
            "benchmark model", "commands.benchmark_model", "tools/benchmark_model.py",
            "time the model against Mask R-CNN",
        ),
        Command(
            "benchmark released", "commands.benchmark_released", "tools/benchmark_tensorflow.py",
            "time the released network against Mask R-CNN, and in bfloat16",
        ),
        Command(
            "benchmark export", "commands.benchmark_export", "tools/benchmark_export.py",
            "compare the exported network with the model: results and time",
        ),
        Command(
            "benchmark training", "commands.benchmark_training", "tools/benchmark_training.py",
            "count images per second in training and detection",
        ),
        Command(
            "benchmark memory", "commands.benchmark_memory", "tools/benchmark_memory.py",
            "measure memory over images of ever-new sizes",
        ),
        Command(
            "benchmark synthesis", "commands.benchmark_synthesis", "tools/benchmark_synthesis.py",
            "count forgeries per second",
        ),
        Command(
            "benchmark archive", "commands.benchmark_archive", "",
            "measure an index of an archive: against all pairs, or as it grows",
        ),
        Command(
            "benchmark scan", "commands.benchmark_scan", "tools/benchmark_scan.py",
            "time the workers of scan against separate processes",
        ),
        Command(
            "benchmark metrics", "commands.benchmark_metrics", "tools/benchmark_metrics.py",
            "time the pixel metrics against scikit-learn",
        ),
        Command(
            "benchmark evidence", "commands.benchmark_evidence", "tools/benchmark_evidence.py",
            "time the witnesses of the evidence sheet",
        ),
    ),
    "Install": (
        Command(
            "install-detectron2", "commands.install_detectron2", "tools/install_detectron2.py",
            "install Detectron2 0.6 from the package index",
        ),
    ),
}  # fmt: skip

#: Name -> command.
BY_NAME = {command.name: command for commands in COMMANDS.values() for command in commands}
