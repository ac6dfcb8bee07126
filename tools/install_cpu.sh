#!/bin/sh
# Installs the package with everything pinned into a virtual environment: what the Containerfile does, one step a line.
# Usage: sh tools/install_cpu.sh ENVIRONMENT. PYTHON names another interpreter than python3; pip's own variables count.
set -eu
environment=${1:?name the folder of the virtual environment}
cd "$(dirname "$0")/.."
"${PYTHON:-python3}" -m venv "$environment"
python=$(cd "$environment/bin" && pwd)/python
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
"$python" -m pip install -r requirements/runtime.txt
"$python" -m pip install --no-deps --no-build-isolation .
"$python" -m constrained_rcnn.install.detectron2
"$python" -m constrained_rcnn --version
