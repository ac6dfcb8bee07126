"""``constrained-rcnn``: finding commands, help, old names, completion; nothing is computed here."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys

import pytest

from constrained_rcnn import __version__
from constrained_rcnn.apps import arguments, cli
from constrained_rcnn.apps.command_table import BY_NAME, COMMANDS, PREFIXES
from constrained_rcnn.apps.commands import evaluate_baselines
from constrained_rcnn.apps.compare import command as compare_command
from constrained_rcnn.apps.detect import command as detect_command
from tests.helpers.commands import REPOSITORY

#: What no help may load: each takes longer than all of help.
HEAVY = ("torch", "torchvision", "detectron2", "numpy", "cv2", "PIL", "scipy", "matplotlib", "pycocotools", "tqdm")
DETECT = ["--input", "a.jpg", "folder", "--output", "out", "--resume", "--opts", "INPUT.MIN_SIZE_TEST", "0"]


@pytest.fixture
def ran(monkeypatch):
    """What commands were given instead of being run: (name, arguments)."""
    calls = []
    for name, command in BY_NAME.items():
        monkeypatch.setattr(command.load(), "run", lambda args, name=name: calls.append((name, vars(args))))
    return calls


def loaded_by(*words: str) -> set[str]:
    """Names of all modules in a new process after ``constrained-rcnn WORDS --help``."""
    code = (
        "import sys\n"
        "from constrained_rcnn.apps.cli import main\n"
        "try:\n    main(sys.argv[1:] + ['--help'])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print('MODULES', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("MODULES ")[2].split())


def test_no_help_loads_what_takes_long():
    code = (
        "import sys\n"
        "from constrained_rcnn.apps.cli import main\n"
        "from constrained_rcnn.apps.command_table import BY_NAME\n"
        "for name in ['', *BY_NAME]:\n"
        "    try:\n        main([*name.split(), '--help'])\n"
        "    except SystemExit as end:\n        assert not end.code, name\n"
        f"    assert not set(sys.modules) & {set(HEAVY)!r}, name\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr


def test_only_the_chosen_command_is_loaded():
    package = "constrained_rcnn.apps."
    modules = {f"{package}{command.module}": name for name, command in BY_NAME.items()}
    assert not loaded_by() & set(modules)
    for name in ("detect", "prepare casia", "calibrate"):
        loaded = loaded_by(*name.split())
        assert [modules[module] for module in loaded & set(modules)] == [name]
        assert len([module for module in loaded if module.startswith("constrained_rcnn")]) <= 20


def test_help_lists_every_command_on_one_line(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    for title, commands in COMMANDS.items():
        assert f"{title}:" in lines
        for command in commands:
            assert f"  {command.name:<25}{command.help}" in lines
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("prefix", PREFIXES)
def test_help_of_a_first_word_lists_its_commands(prefix, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([prefix, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert all((name in said) == name.startswith(f"{prefix} ") for name in BY_NAME if " " in name)
    assert cli.main([prefix]) == 2  # the same, as an error
    assert said.splitlines()[-1] in capsys.readouterr().err


def test_every_option_is_explained_in_every_command():
    for name, command in BY_NAME.items():
        parser = argparse.ArgumentParser(prog="x", formatter_class=arguments.HelpFormatter)
        command.describe(parser)
        assert parser.description.endswith("."), name
        for action in parser._actions:
            assert action.help or isinstance(action, argparse._SubParsersAction), (name, action.dest)
        parser.format_help()


def test_no_command_is_an_error_that_helps(capsys):
    assert cli.main([]) == 2
    captured = capsys.readouterr()
    assert not captured.out and "prepare casia" in captured.err


@pytest.mark.parametrize(
    "words, hint",
    [
        (["detct"], "did you mean detect?"),
        (["photo.jpg", "--output", "x"], "constrained-rcnn --help"),
        (["prepare", "cassia"], "did you mean casia?"),
        (["benchmark", "nothing"], "constrained-rcnn benchmark --help"),
    ],
)
def test_an_unknown_command_is_one_line(words, hint, capsys):
    assert cli.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and hint in line


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"constrained-rcnn {__version__}\n"


def test_detect_needs_no_name_as_in_the_first_release(ran, capsys):
    assert cli.main(DETECT) == cli.main(["detect", *DETECT]) == detect_command.main(DETECT) == 0
    first, *others = ran
    assert first[0] == "detect" and all(other == first for other in others) and len(others) == 2
    assert first[1]["opts"] == ["INPUT.MIN_SIZE_TEST", "0"]
    assert not capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        cli.main(["--input", "a.jpg"])
    assert end.value.code == 2 and "usage: constrained-rcnn [-h] --input" in capsys.readouterr().err


def test_compare_keeps_its_own_console_script(ran, capsys):
    words = ["--input", "a.jpg", "--against", "archive", "--output", "out", "--pages", "all"]
    assert compare_command.main(words) == cli.main(["compare", *words]) == 0
    assert ran[0] == ran[1] and ran[0][0] == "compare" and ran[0][1]["pages"] == "all"


def test_evaluate_is_training_s_eval_only(ran):
    words = ["--config-file", "a.yaml", "MODEL.WEIGHTS", "a.pth"]
    assert cli.main(["train", *words[:2], "--eval-only", *words[2:]]) == cli.main(["evaluate", *words]) == 0
    assert ran[0][1] == ran[1][1] and ran[0][1]["eval_only"] is True


def test_an_old_option_works_and_says_its_new_name_once(ran, capsys):
    assert cli.main(["--no-repeats", *DETECT]) == 0
    assert ran[0][1]["no_copy_move"] is True
    (line,) = capsys.readouterr().err.splitlines()
    assert "--no-repeats is now called --no-copy-move" in line
    assert cli.main(["--no-copy-move", *DETECT]) == 0
    assert ran[0] == ran[1] and not capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["detect", "--help"])
    assert "--no-repeats" not in capsys.readouterr().out


def test_old_options_take_values_as_the_new_ones(capsys):
    parser = argparse.ArgumentParser()
    arguments.add_old_name(parser, parser.add_argument("--new", type=int, nargs="+", default=[7]), "--old")
    assert parser.parse_args(["--old", "1", "2"]).new == [1, 2]
    assert parser.parse_args([]).new == [7]
    with pytest.raises(SystemExit):
        parser.parse_args(["--old", "x"])


def test_bad_input_is_one_line(capsys):
    assert cli.main(["false-alarms"]) == 2
    assert capsys.readouterr().err == "error: give --photos or --dataset\n"
    assert cli.main(["detect", "--input", "", "--output", "out"]) == 2
    assert capsys.readouterr().err.startswith("error: --input: is empty")


def test_help_names_the_baselines_that_there_are():
    from constrained_rcnn.evaluation.baselines import BASELINES

    assert evaluate_baselines.NAMES == tuple(BASELINES)


def test_bash_completes_commands_options_and_choices(tmp_path, capsys):
    assert cli.main(["--print-completion", "bash"]) == 0
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out)

    def complete(*words: str) -> set[str]:
        code = f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_constrained_rcnn; '
        code += 'echo "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", code, "bash", "constrained-rcnn", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())

    assert complete("dete") == {"detect"}
    assert {name for name in BY_NAME if " " not in name} | set(PREFIXES) <= complete("")
    assert complete("prepare", "co") == {"columbia", "coverage", "coco-synthetic", "convert-format"}
    assert complete("calibrate", "--false") == {"--false-alarm-rate"}
    assert complete("detect", "--pages", "a") == {"all"}
    assert "--no-repeats" not in complete("detect", "--no")


def test_zsh_completion_names_every_command(capsys):
    assert cli.main(["--print-completion", "zsh"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("#compdef constrained-rcnn")
    assert all(name.split()[-1] in said for name in BY_NAME)


def test_the_page_of_commands_lists_each_with_its_front():
    lines = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8").splitlines()
    for name, command in BY_NAME.items():
        (line,) = [line for line in lines if line.startswith(f"| `{name}` |")]
        assert f"`{command.front or 'tools/train_net.py --eval-only'}`" in line


def test_documents_name_commands_and_options_that_exist():
    pages = [REPOSITORY / "README.md", REPOSITORY / "datasets" / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    for page in pages:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"(?:^|`)constrained-rcnn ([a-z][^`\n#]*)", text, re.M):
            first, second, *_ = [*line.split(), ""]
            name = f"{first} {second}" if first in PREFIXES and second else first
            assert name in BY_NAME or name in PREFIXES, (page.name, line)
            if name in BY_NAME:
                parser = argparse.ArgumentParser(prog="x")
                BY_NAME[name].describe(parser)
                options = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", line)) - {"--help"}
                known = {option for action in parser._actions for option in action.option_strings}
                inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
                for action in inner:
                    known |= {option for one in action.choices.values() for option in one._option_string_actions}
                assert options <= known, (page.name, line)


def test_python_m_is_the_command():
    command = [sys.executable, "-m", "constrained_rcnn"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, cwd=REPOSITORY)
    assert (done.returncode, done.stdout) == (0, f"constrained-rcnn {__version__}\n"), done.stderr
    done = subprocess.run([*command, "detct"], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 2 and "did you mean detect?" in done.stderr
