"""Reads a store of pass rates as pandas tables. Needs no Node."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from gradus import tables
from gradus.errors import DataError

if TYPE_CHECKING:
    from pandas import DataFrame

_version = 5


class PassRateStore:
    """Attempts at problems, by model, sampling and verifier: `difficulty.sqlite`, or `pass-rates.sqlite` of a run.

    Raises:
        DataError: the file is not a store, or has another version.

    Example:
        >>> store = gradus.PassRateStore("difficulty.sqlite")
        >>> store.pass_rates().sort_values("pass_rate")
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise DataError(
                f"{self.path}: expected a pass-rate store, found nothing there",
                "DATA_INVALID",
                "gradus difficulty estimate <recipe>",
            )
        try:
            found = tables.version(self.path)
        except sqlite3.Error as cause:
            raise DataError(f"{self.path}: expected a pass-rate store, got {cause}", "DATA_INVALID") from cause
        if found != _version:
            raise DataError(
                f"{self.path}: expected a pass-rate store of version {_version}, got version {found}. A Gradus of this "
                "version upgrades an older store when it reads it; update this package for a newer one",
                "DATA_INVALID",
                f"gradus difficulty show {self.path}",
            )

    def __repr__(self) -> str:
        return f"PassRateStore({str(self.path)!r})"

    def conditions(self) -> DataFrame:
        """Returns the conditions of pass rates, by id: model, template, sampling, token limit, verifier. They are never
        mixed."""
        return tables.query(self.path, "SELECT * FROM conditions ORDER BY id").set_index("id")

    def pass_rates(self) -> DataFrame:
        """Returns one row for each problem and set of conditions: correct attempts per trial, and tokens written per
        attempt.

        `pass_rate` is NaN without a trial; `ungradable` attempts are not trials. For intervals and levels, see
        `gradus.problems`.
        """
        rows = tables.query(self.path, _pass_rates)
        rows.insert(6, "pass_rate", rows["correct"] / rows["trials"].where(rows["trials"] > 0))
        return rows

    def attempts(self) -> DataFrame:
        """Returns one row for each judged attempt: conditions, problem, source, step, outcome, tokens, finish reason.

        `source` is `base` (measuring before training), `training`, or `boundary:<stage>` (measuring again).
        """
        return tables.query(self.path, _attempts)

    def likelihoods(self) -> DataFrame:
        """Returns log-probabilities of gold answers and worked solutions, in nats, from `gradus difficulty predict`."""
        return tables.query(self.path, _likelihoods)


_pass_rates = """
    SELECT conditions, name AS problem_id, edition, source, sum(outcome = 'correct') AS correct,
           sum(outcome <> 'ungradable') AS trials, count(*) AS attempts, sum(outcome = 'unparsed') AS unparsed,
           sum(outcome = 'timeout') AS timeouts, sum(outcome = 'ungradable') AS ungradable,
           sum(finish_reason = 'length') AS truncated, avg(tokens) AS mean_tokens
    FROM observations JOIN problems ON problems.id = problem
    GROUP BY conditions, problem, source ORDER BY conditions, problem, source"""

_attempts = """
    SELECT conditions, name AS problem_id, edition, source, step, rollout, outcome, prompt_tokens, tokens, finish_reason
    FROM observations JOIN problems ON problems.id = problem
    ORDER BY conditions, problem, source, step, rollout"""

_likelihoods = """
    SELECT model, template, version, name AS problem_id, edition, text, logprob, tokens
    FROM likelihoods JOIN scorings ON scorings.id = scoring JOIN problems ON problems.id = problem
    ORDER BY scoring, problem, text"""
