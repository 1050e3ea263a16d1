"""Versions on which the ranks of a group must agree."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..model.json_file import ModelError

_PACKAGE = Path(__file__).parents[1]

Versions = Mapping[str, str]
"""Name → version."""


@cache
def own_versions() -> Versions:
    """Returns the versions of Python and packages in this process, and a digest of the worker's own code."""
    code = hashlib.sha256()
    for file in sorted(_PACKAGE.rglob("*.py")):
        code.update(f"{file.relative_to(_PACKAGE)}\0".encode() + file.read_bytes())
    packages = {name: _installed(name) for name in ("torch", "ray", "numpy", "safetensors")}
    return {"Python": platform.python_version(), **packages, "gradus_worker": code.hexdigest()[:12]}


def check_versions(expected: Versions, ranks: Sequence[tuple[str, Versions]]) -> None:
    """Compares (node, versions) of each rank with those of the head. Raises a ModelError that lists all differences."""
    wrong = [
        f"{name} {found.get(name, 'missing')} on the node {node} of rank {rank}, {wanted} in this process"
        for rank, (node, found) in enumerate(ranks)
        for name, wanted in expected.items()
        if found.get(name) != wanted
    ]
    if wrong:
        raise ModelError(f"expected the same versions on all nodes of the cluster, got {'; '.join(wrong)}")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
