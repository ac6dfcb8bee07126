# make setup       a virtual environment of its own with everything pinned
# make test        the tests                                            (TEST_ARGS="-k name")
# make demo        the package's weights on forgeries made on the spot  (DEMO_ARGS="--seed 2")
# make demo-train  the same after training a network from scratch       (DEMO_ARGS="--seed 2")
# make test-quick  what needs neither training nor other processes: two minutes on two cores
# make lint        style, types of the packages without Torch, walls between the packages; changes nothing
# make network     the package's ONNX file anew, from the package's checkpoint
# make dist        wheel and source archive of the package, and the wheel without Torch, checked, in dist/
# make docs        the documentation as a site in output/docs; a dead link is an error
# make clean (keeps the environment), make distclean (does not)

PYTHON ?= python3
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/set-up-is-complete
INPUTS := $(wildcard requirements/*.txt) setup.py pyproject.toml tools/install_detectron2.py \
	$(wildcard constrained_rcnn/install/*.py)

# What libraries would otherwise keep in the home or the temporary folder.
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/cache/matplotlib
export TORCHINDUCTOR_CACHE_DIR := $(CURDIR)/$(VENV)/cache/inductor

.PHONY: setup test test-quick demo demo-train network dist docs lint clean distclean

setup: $(STAMP)

$(STAMP): $(INPUTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: the pinned requirements need Python 3.11 or newer, '$(PYTHON)' is" \
			"$$($(PYTHON) --version 2>&1); name another: make PYTHON=python3.11 ..." >&2; exit 1; }
	@rm -f $@
	@echo "== 1/4 virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "== 2/4 pinned requirements (about 3 GB to download, 6 GB on disk)"
	@$(VENV_PYTHON) -m pip install --disable-pip-version-check -r requirements/dev.txt
	@echo "== 3/4 Detectron2"
	@$(VENV_PYTHON) tools/install_detectron2.py
	@echo "== 4/4 this package"
	@$(VENV_PYTHON) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@
	@echo "== set up; use it with: . $(VENV)/bin/activate"

test: $(STAMP)
	$(VENV_PYTHON) -m pytest $(TEST_ARGS)

# Two processes of one thread each are faster than one of two.
test-quick: $(STAMP)
	OMP_NUM_THREADS=1 $(VENV_PYTHON) -m pytest -n 2 --dist loadfile -m "not slow and not heavy" $(TEST_ARGS)

demo: $(STAMP)
	$(VENV_PYTHON) tools/run_demo.py $(DEMO_ARGS)

demo-train: $(STAMP)
	$(VENV_PYTHON) tools/run_demo.py --train $(DEMO_ARGS)

network: $(STAMP)
	$(VENV_PYTHON) tools/export_weights.py --format onnx --no-runner \
		--output constrained_rcnn/weights/constrained_rcnn_small_forgeries.onnx

dist: $(STAMP)
	rm -rf dist build
	$(VENV_PYTHON) -m build --no-isolation
	CONSTRAINED_RCNN_LITE=1 $(VENV_PYTHON) -m build --no-isolation --wheel
	$(VENV_PYTHON) -m twine check --strict dist/*

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(VENV_PYTHON) -m mkdocs build --strict
	@echo "== the site: output/docs/index.html"

lint: $(STAMP)
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	$(VENV)/bin/lint-imports --no-logo

clean:
	rm -rf output build dist *.egg-info .coverage .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
