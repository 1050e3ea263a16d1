"""Reads a run directory as pandas tables, even while the run trains. Needs no Node."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradus import tables
from gradus.errors import ConfigError, RunError
from gradus.store import PassRateStore

if TYPE_CHECKING:
    from pandas import DataFrame

_versions = (1, 2)

_per_token = {"token_ids", "token_logprobs", "token_entropies", "transcripts", "messages"}
"""Columns that make up most of a file of rollouts; read only if named."""


class Run:
    """A run directory.

    Raises:
        RunError: the directory contains no run, or a run of another version.

    Example:
        >>> run = gradus.Run("runs/demo-0001")
        >>> run.metrics("reward/mean").rolling(10).mean()
        >>> hard = run.rollouts(purpose="train").query("level == 'hard' and outcome == 'correct'")
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self._database = self.directory / "run.sqlite"
        if not self._database.is_file():
            raise RunError(
                f"{self.directory}: expected a run directory, found no run.sqlite in it",
                "RUN_NOT_FOUND",
                "gradus runs list",
            )
        try:
            found = tables.version(self._database)
        except sqlite3.Error as cause:
            raise RunError(f"{self._database}: expected a database, got {cause}", "RUN_CORRUPT") from cause
        if found not in _versions:
            raise RunError(
                f"{self._database}: expected a run of version {' or '.join(map(str, _versions))}, got version {found}; "
                "update this package, or read the run with the Gradus that wrote it",
                "RUN_VERSION",
            )
        self.result: dict[str, Any] | None = None
        """Result of the command that made this run; `None` for a run that was only opened."""

    def __repr__(self) -> str:
        return f"Run({str(self.directory)!r})"

    @property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe."""
        recipe: dict[str, Any] = json.loads((self.directory / "recipe.json").read_text("utf-8"))["recipe"]
        return recipe

    @property
    def model(self) -> Path | None:
        """Folder of the trained model in the layout of Hugging Face; `None` before the end of the run."""
        folder = self.directory / "export"
        return folder if (folder / "config.json").is_file() else None

    @property
    def pass_rates(self) -> PassRateStore:
        """The store of the run's attempts at problems."""
        return PassRateStore(self.directory / "pass-rates.sqlite")

    def table(self, name: str) -> DataFrame:
        """Returns a complete table of `run.sqlite`: run, sessions, steps, groups, events, checkpoints, selections, …"""
        return self.query(f'SELECT * FROM "{name.replace(chr(34), "")}"')

    def query(self, text: str, *values: object) -> DataFrame:
        """Returns the rows of a read-only SQL query over the tables of `run.sqlite`."""
        return tables.query(self._database, text, values)

    def metrics(self, *names: str) -> DataFrame:
        """Returns metrics and timings by step: one row per step, one column per metric; NaN where a step did not
        measure it.

        Args:
            names: metrics to read; default all.
        """
        wanted = "" if not names else f"WHERE name IN ({', '.join('?' * len(names))})"
        rows = self.query(
            f"SELECT step, name, value FROM metrics JOIN metric_names ON metric_names.id = name_id {wanted}", *names
        )
        table = rows.pivot(index="step", columns="name", values="value").rename_axis(columns=None)
        return table.reindex(columns=list(names)) if names else table

    def groups(self) -> DataFrame:
        """Returns one row for each problem of each step: counts of its rollouts, and means of score, reward and
        tokens."""
        return self.table("groups").drop(columns=["shard_id", "first_row"]).set_index("id")

    def events(self) -> DataFrame:
        """Returns the events of the run, in order; `data` is parsed."""
        events = self.table("events").set_index("id")
        events["data"] = [json.loads(text) if isinstance(text, str) else None for text in events["data"]]
        return events

    def evaluations(self) -> DataFrame:
        """Returns one row for each evaluation of a suite: accuracy from 0 to 1 with its 95 % interval, pass@k,
        maj@k."""
        rows = [
            {
                "step": step,
                "suite": name,
                "policy_version": result["model"]["policyVersion"],
                "problems": result["overall"]["problems"],
                **_estimate("accuracy", result["overall"].get("accuracy")),
                **{f"pass@{k}": rate for k, rate in result["overall"]["passAt"].items()},
                "majority": result["overall"].get("majority"),
                **_estimate("greedy", result["overall"].get("greedy")),
                "truncated": result["overall"].get("truncated"),
            }
            for step, name, result in self._evaluations()
        ]
        return tables.pandas().DataFrame(rows)

    def evaluated_problems(self, suite: str | None = None) -> DataFrame:
        """Returns one row for each problem of each evaluation: trials, correct answers, verdicts.

        Args:
            suite: read only this suite.
        """
        rows = [
            {"step": step, "suite": name, **problem}
            for step, name, result in self._evaluations()
            if suite in (None, name)
            for problem in result["problems"]
        ]
        return tables.pandas().DataFrame(rows)

    def rollouts(
        self, *, purpose: str | None = None, step: int | None = None, columns: Iterable[str] | None = None
    ) -> DataFrame:
        """Returns one row for each recorded attempt: problem, text, verdict, reward, advantage.

        Args:
            purpose: `train`, `measure` or `evaluate`; default all.
            step: read only this step.
            columns: columns to read; default: all except those with values per token, which make up most of a file:
                token_ids, token_logprobs, token_entropies, transcripts, messages.

        Raises:
            ConfigError: an unknown purpose.
            RunError: a file of rollouts is missing or damaged.
        """
        if purpose not in (None, "train", "measure", "evaluate"):
            raise ConfigError(f"purpose: expected train, measure or evaluate, got {purpose!r}", "CONFIG_INVALID")
        shards = self.query(
            "SELECT file FROM shards WHERE (?1 IS NULL OR purpose = ?1) AND (?2 IS NULL OR step = ?2) ORDER BY id",
            purpose,
            step,
        )["file"]
        wanted = None if columns is None else list(columns)
        parts = [self._shard(self.directory / "rollouts" / Path(file).name, wanted) for file in shards]
        return tables.pandas().concat(parts, ignore_index=True) if parts else tables.pandas().DataFrame(columns=wanted)

    def _shard(self, path: Path, wanted: list[str] | None) -> DataFrame:
        parquet = tables.parquet()
        try:
            with parquet.ParquetFile(path) as file:
                there = file.schema_arrow.names
                columns = [name for name in there if name not in _per_token] if wanted is None else wanted
                return file.read(columns=[name for name in columns if name in there]).to_pandas()
        except (OSError, ValueError) as cause:
            raise RunError(
                f"{path}: expected the rollouts that the run recorded, got {cause}. Restore the file from a copy",
                "RUN_SHARDS_DAMAGED",
                f"gradus runs show {self.directory}",
            ) from cause

    def _evaluations(self) -> list[tuple[int, str, dict[str, Any]]]:
        rows = self.query("SELECT step, name, result FROM evaluations ORDER BY id")
        return [(int(step), name, json.loads(text)) for step, name, text in rows.itertuples(index=False)]


def _estimate(name: str, estimate: dict[str, float] | None) -> dict[str, float | None]:
    found = estimate or {}
    return {name: found.get("mean"), f"{name}_low": found.get("low"), f"{name}_high": found.get("high")}
