"""Reads SQLite and Parquet files as pandas tables, without writing to them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gradus.errors import ConfigError

if TYPE_CHECKING:
    from pandas import DataFrame


def pandas() -> Any:
    """Imports pandas.

    Raises:
        ConfigError: pandas is not installed.
    """
    return _needed("pandas")


def parquet() -> Any:
    """Imports the Parquet reader. Raises ConfigError if pyarrow is not installed."""
    return _needed("pyarrow.parquet")


def _needed(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as cause:
        package = name.split(".")[0]
        raise ConfigError(
            f"tables require the Python package {package}, which is not installed",
            "PACKAGE_MISSING",
            "pip install pandas pyarrow",
        ) from cause


def query(path: Path, text: str, values: Sequence[object] = ()) -> DataFrame:
    """Runs a read-only SQL query and returns its rows. Another process may write to the file meanwhile."""
    with contextlib.closing(_open(path)) as database:
        cursor = database.execute(text, tuple(values))
        names = [column[0] for column in cursor.description]
        return pandas().DataFrame(cursor.fetchall(), columns=names)


def version(path: Path) -> int:
    """Returns the version of the tables in a file.

    Raises:
        sqlite3.Error: the file is not a database.
    """
    with contextlib.closing(_open(path)) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=10)
