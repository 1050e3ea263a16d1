"""Tables of a run."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

import gradus


def test_metrics_have_one_row_per_step(run: gradus.Run) -> None:
    metrics = run.metrics("reward/mean", "rollout/count", "unknown")
    assert metrics.index.tolist() == [1, 2]
    assert metrics.columns.tolist() == ["reward/mean", "rollout/count", "unknown"]
    assert metrics["unknown"].isna().all()
    assert "time/rollout" in run.metrics().columns


def test_rollouts_add_up_to_groups_and_metrics(run: gradus.Run) -> None:
    rollouts = run.rollouts(purpose="train")
    groups = run.groups().query("purpose == 'train'")
    assert len(rollouts) == groups["rollouts"].sum() == run.metrics("rollout/count")["rollout/count"].sum()
    assert (rollouts["outcome"] == "correct").sum() == groups["correct"].sum()
    means = rollouts.groupby("step")["reward"].mean()
    assert means.tolist() == pytest.approx(run.metrics("reward/mean")["reward/mean"].tolist())
    assert rollouts["prompt"].iloc[0][0]["role"] == "user"
    assert len(run.rollouts()) > len(rollouts)
    with pytest.raises(gradus.ConfigError, match="expected train, measure or evaluate, got 'training'"):
        run.rollouts(purpose="training")


def test_columns_per_token_are_read_only_if_named(run: gradus.Run) -> None:
    assert "token_ids" not in run.rollouts(step=1).columns
    tokens = run.rollouts(purpose="train", step=1, columns=["token_ids", "token_logprobs"])
    assert tokens.columns.tolist() == ["token_ids", "token_logprobs"]
    assert all(len(ids) == len(logprobs) > 0 for ids, logprobs in tokens.itertuples(index=False))


def test_evaluations_have_intervals_and_their_problems(run: gradus.Run) -> None:
    evaluations = run.evaluations()
    assert evaluations["step"].tolist() == [0, 2]
    assert (evaluations["accuracy_low"] <= evaluations["accuracy"]).all()
    problems = run.evaluated_problems("held-out").query("step == 2")
    mean = (problems["correct"] / problems["trials"]).mean()
    assert mean == pytest.approx(evaluations["accuracy"].iloc[1])
    assert run.evaluated_problems("other").empty


def test_run_has_recipe_events_model_and_its_own_pass_rates(run: gradus.Run) -> None:
    assert run.recipe["name"] == "notebook"
    assert run.events()["type"].tolist().count("stage-start") == 1
    assert run.model is not None
    assert (run.pass_rates.attempts()["source"] == "training").sum() == len(run.rollouts(purpose="train"))
    assert run.result is not None
    assert run.result["rollouts"] == len(run.rollouts(purpose="train"))


def test_reads_a_run_while_another_process_writes(run: gradus.Run, tmp_path: Path) -> None:
    copy = shutil.copytree(run.directory, tmp_path / "copy")
    writer = sqlite3.connect(copy / "run.sqlite", isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM steps")
    assert len(gradus.Run(copy).table("steps")) == 2
    writer.execute("COMMIT")
    assert len(gradus.Run(copy).table("steps")) == 0
    writer.close()


def test_rejects_a_folder_without_a_run_and_a_damaged_file(run: gradus.Run, tmp_path: Path) -> None:
    with pytest.raises(gradus.RunError, match=r"expected a run directory.*\ntry: gradus runs list"):
        gradus.Run(tmp_path)
    (tmp_path / "run.sqlite").write_text("text")
    with pytest.raises(gradus.RunError, match="expected a database, got file is not a database"):
        gradus.Run(tmp_path)
    copy = gradus.Run(shutil.copytree(run.directory, tmp_path / "copy"))
    next(copy.directory.glob("rollouts/*train*")).write_bytes(b"PAR1")
    with pytest.raises(gradus.RunError, match="expected the rollouts that the run recorded") as caught:
        copy.rollouts()
    assert caught.value.code == "RUN_SHARDS_DAMAGED"


def test_rejects_unknown_versions(tmp_path: Path) -> None:
    for name in ("run.sqlite", "store.sqlite"):
        with sqlite3.connect(tmp_path / name) as database:
            database.execute("PRAGMA user_version = 99")
    with pytest.raises(gradus.RunError, match="got version 99"):
        gradus.Run(tmp_path)
    with pytest.raises(gradus.DataError, match="got version 99"):
        gradus.PassRateStore(tmp_path / "store.sqlite")
    with pytest.raises(gradus.DataError, match="found nothing there"):
        gradus.PassRateStore(tmp_path / "missing.sqlite")
