#!/usr/bin/env bash
# Makes the Python environment of a folder, `worker` or `python`, in its .venv, and again when its requirements
# change. Tests that need a missing environment are skipped with a message.
# usage: scripts/python-environment.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/../$1"

if cat requirements*.txt | cmp -s - .venv/installed.txt; then exit 0; fi
python3 -m venv .venv
.venv/bin/python -m pip install --quiet -r requirements.txt
cat requirements*.txt > .venv/installed.txt
