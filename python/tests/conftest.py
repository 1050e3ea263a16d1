"""The notebook, executed once with fewer problems and steps; tests read the files that it made."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import gradus

checkout = Path(__file__).resolve().parents[2]
notebook = checkout / "examples/measure-and-train.ipynb"
smaller = {
    '"perCell": 20': '"perCell": 2',
    '"knobs": [1, 2, 3, 4]': '"knobs": [1, 2]',
    '"maxSteps": 20': '"maxSteps": 2',
    '"batch": {"problems": 16': '"batch": {"problems": 2',
}
"""Replacements for parts of the notebook."""


@pytest.fixture(scope="session", autouse=True)
def command() -> None:
    os.environ["GRADUS_BIN"] = str(checkout / "bin/gradus.mjs")


@pytest.fixture(scope="session")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Yields the variables of the notebook; the current folder is the one in which it ran.

    Runs every code cell in one namespace, without Jupyter.
    """
    folder, before = tmp_path_factory.mktemp("notebook"), Path.cwd()
    names: dict[str, object] = {}
    os.chdir(folder)
    try:
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                source = "".join(cell["source"])
                for long, short in smaller.items():
                    source = source.replace(long, short)
                exec(compile(source, notebook.name, "exec"), names)
        yield SimpleNamespace(**names, folder=folder)
    finally:
        os.chdir(before)


@pytest.fixture
def run(executed: SimpleNamespace) -> gradus.Run:
    return executed.run
