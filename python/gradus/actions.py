"""Commands of Gradus as functions: measure, train, evaluate, judge."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gradus import tables
from gradus.command import call, lines
from gradus.errors import GradusError
from gradus.progress import Progress
from gradus.run import Run
from gradus.store import PassRateStore

if TYPE_CHECKING:
    from pandas import DataFrame

Recipe: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]
"""A recipe file, or a recipe as a dictionary, whose paths are relative to the current folder."""

Overrides: TypeAlias = Mapping[str, Any] | None
"""Fields of the recipe to override: `{"optimizer.learningRate": 1e-4, "stages[0].maxSteps": 20}`."""


def train(recipe: Recipe, overrides: Overrides = None, *, runs: str = "runs", progress: Progress = True) -> Run:
    """Trains a recipe in a new run directory and returns the run; its `result` has stages and suites before and after.

    Raises:
        RunError: with code `RUN_WENT_WRONG` for a run that finished with errors; `error.result["run"]` is its folder.
        KeyboardInterrupt: if you interrupt it; the message is the command that continues the run.
    """
    with _file_of(recipe) as file:
        return _ended(call("train", file, *_set(overrides), "--runs", runs, progress=progress))


def resume(run: Run | str | os.PathLike[str], *, progress: Progress = True) -> Run:
    """Continues a run from its newest checkpoint. The result equals that of an uninterrupted run."""
    return _ended(call("resume", _path_of(run), progress=progress))


def measure(
    recipe: Recipe,
    overrides: Overrides = None,
    *,
    store: str | os.PathLike[str] | None = None,
    model: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    progress: Progress = True,
) -> PassRateStore:
    """Measures a model's pass rates on the problems of a recipe, as its `difficulty` defines, and returns the store.

    Stored attempts are reused.

    Args:
        store: file of pass rates; default: the recipe's, else `difficulty.sqlite`.
        model: model folder or run directory; default: the recipe's policy.
        limit: measure only the first problems.
    """
    options = _options(store=store, model=model, limit=limit)
    with _file_of(recipe) as file:
        measured = call("difficulty", "estimate", file, *_set(overrides), *options, progress=progress)
    return PassRateStore(measured["store"])


def problems(
    store: PassRateStore | str | os.PathLike[str], recipe: Recipe, *, level: str | Sequence[str] = ()
) -> DataFrame:
    """Returns the problems of a recipe: prompt, answer, levels, pass rate with its 95 % interval, trials.

    Args:
        level: only problems of these levels; default: all, including unmeasured problems.
    """
    names = [level] if isinstance(level, str) else level
    chosen = [word for name in names for word in ("--level", name)]
    with _file_of(recipe) as file, tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "problems.jsonl"
        options = ["--recipe", file, "--to", "jsonl", "--out", out]
        call("difficulty", "export", _path_of(store), *options, *chosen, progress=False)
        return tables.pandas().DataFrame([json.loads(line) for line in out.read_text("utf-8").splitlines() if line])


def levels(store: PassRateStore | str | os.PathLike[str], recipe: Recipe, *, attempts: int = 64) -> DataFrame:
    """Returns the sizes of the levels, one level per row: `taken` now, `certain`, `open`, and `expected` after more
    attempts.

    Args:
        attempts: attempts per problem in the forecast `expected`.
    """
    with _file_of(recipe) as file:
        options = ["--recipe", file, "--attempts", attempts]
        report = call("difficulty", "levels", _path_of(store), *options, progress=False)
    rows = [{"level": one["name"], "rule": one["rule"], **one["overall"]} for one in report["levels"]]
    return tables.pandas().DataFrame(rows).set_index("level")


def plan(recipe: Recipe, overrides: Overrides = None, *, history: str = "runs") -> dict[str, Any]:
    """Forecasts rollouts, tokens, time and memory of a recipe, without sampling.

    Args:
        history: folder of earlier runs, for lengths and speed.
    """
    with _file_of(recipe) as file:
        forecast: dict[str, Any] = call("plan", file, *_set(overrides), "--history", history, progress=False)
        return forecast


def evaluate(
    model: Run | str | os.PathLike[str] | None = None,
    *,
    recipe: Recipe | None = None,
    overrides: Overrides = None,
    suites: Sequence[str] = (),
    progress: Progress = True,
) -> list[dict[str, Any]]:
    """Evaluates a model on the suites of a recipe or of the run that trained it, or on published suites.

    Each evaluation has `overall`, `byFamily` and `problems`, which lists the verdicts of each problem.

    Args:
        model: run, run directory or model folder; default: the recipe's policy.
        suites: only these suites of the recipe, or these published suites.
    """
    chosen = [word for suite in suites for word in ("--suite", suite)]
    words = ["eval", *([] if model is None else [_path_of(model)]), *chosen, *_set(overrides)]
    with contextlib.nullcontext() if recipe is None else _file_of(recipe) as file:
        evaluations: list[dict[str, Any]] = call(*words, *_options(recipe=file), progress=progress)
        return evaluations


def sample(
    model: Run | str | os.PathLike[str],
    prompt: str,
    *,
    count: int = 1,
    temperature: float = 1,
    max_tokens: int = 512,
    seed: int = 0,
) -> DataFrame:
    """Generates answers to a prompt; returns one row per answer: prompt, index, text, tokens, finishReason."""
    options = _options(count=count, temperature=temperature, max_tokens=max_tokens, seed=seed)
    return tables.pandas().DataFrame(call("sample", _path_of(model), *options, "--", prompt, progress=False))


def runs(folder: str | os.PathLike[str] = "runs") -> DataFrame:
    """Returns the runs in a folder, one per row: name, status, step, stage, seed, times; `problem` if it is
    damaged."""
    listed = call("runs", "list", folder, progress=False)
    rows = [{"folder": one["folder"], **one.get("summary", {}), "problem": one.get("problem")} for one in listed]
    return tables.pandas().DataFrame(rows)


def compare(before: Run | str | os.PathLike[str], after: Run | str | os.PathLike[str]) -> dict[str, Any]:
    """Compares two runs: the fields in which their recipes differ, and their common suites, paired by problem."""
    comparison: dict[str, Any] = call("runs", "compare", _path_of(before), _path_of(after), progress=False)
    return comparison


def verify_math(answers: Iterable[tuple[str, str]]) -> DataFrame:
    """Judges (gold answer, answer) pairs; returns one row per verdict: outcome, score, reason."""
    return _verdicts("math", [{"gold": gold, "pred": answer} for gold, answer in answers])


def verify_code(programs: Iterable[tuple[Mapping[str, Any], str]]) -> DataFrame:
    """Runs (problem, program) pairs in a sandbox and returns one verdict per row.

    A problem contains its tests, in any known format.
    """
    return _verdicts("code", [{"problem": problem, "program": program} for problem, program in programs])


def _verdicts(kind: str, cases: Sequence[Mapping[str, Any]]) -> DataFrame:
    with _json_file(cases) as file:
        return tables.pandas().DataFrame(list(lines("verify", kind, "--cases", file, progress=False)))


def _ended(result: dict[str, Any]) -> Run:
    run = Run(result["run"])
    run.result = result
    return run


def _path_of(one: Run | PassRateStore | str | os.PathLike[str]) -> str:
    match one:
        case Run():
            return str(one.directory)
        case PassRateStore():
            return str(one.path)
    return os.fspath(one)


def _set(overrides: Overrides) -> list[str]:
    return [word for path, value in (overrides or {}).items() for word in ("--set", f"{path}={json.dumps(value)}")]


def _options(**options: object) -> list[str]:
    given = {name: value for name, value in options.items() if value is not None}
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", _word(value))]


def _word(value: object) -> str:
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


@contextlib.contextmanager
def _file_of(recipe: Recipe) -> Iterator[str]:
    """Yields the file of a recipe; for a dictionary, a file in the current folder that exists during one command."""
    if not isinstance(recipe, Mapping):
        yield os.fspath(recipe)
        return
    with _json_file(recipe) as file:
        try:
            yield file
        except GradusError as error:
            error.message = error.message.replace(file, "<recipe>")
            error.try_next = error.try_next and error.try_next.replace(file, "<recipe>")
            raise


@contextlib.contextmanager
def _json_file(value: object) -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", prefix=".gradus-", suffix=".json", dir=".", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        yield Path(file.name).name
