"""Results of the notebook: measurements, plan and training."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import gradus


def test_pass_rates_of_python_and_the_command_line_agree(executed: SimpleNamespace) -> None:
    stored = executed.store.pass_rates().set_index("problem_id")
    exported = executed.measured.set_index("id").loc[stored.index]
    assert len(stored) == 8
    assert (stored["trials"] == 8).all()
    assert (stored["pass_rate"] == exported["pass_rate"]).all()
    assert (
        (exported["pass_rate_low"] <= exported["pass_rate"]) & (exported["pass_rate"] <= exported["pass_rate_high"])
    ).all()


def test_attempts_belong_to_one_set_of_conditions(executed: SimpleNamespace) -> None:
    attempts, conditions = executed.store.attempts(), executed.store.conditions()
    assert len(attempts) == 64
    assert set(attempts["outcome"]) <= {"correct", "incorrect", "unparsed", "timeout", "ungradable"}
    assert set(attempts["conditions"]) == set(conditions.index)
    assert conditions.loc[attempts["conditions"].iloc[0], "max_tokens"] == 24


def test_levels_count_problems_by_their_rule(executed: SimpleNamespace) -> None:
    rates = executed.measured["pass_rate"]
    assert executed.levels.loc["learnable", "taken"] == ((rates > 0) & (rates < 1)).sum()


def test_plan_counts_the_rollouts_of_the_stage(executed: SimpleNamespace, run: gradus.Run) -> None:
    stage = next(part for part in executed.plan["parts"] if part["kind"] == "stage")
    assert stage["rollouts"]["expected"] == len(run.rollouts(purpose="train"))


def test_lists_the_run(executed: SimpleNamespace, run: gradus.Run) -> None:
    listed = gradus.runs(executed.folder / "runs")
    assert listed[["folder", "status", "step"]].values.tolist() == [[run.directory.name, "finished", 2]]


def test_judges_answers_in_order() -> None:
    assert gradus.verify_math([("1/2", "0.5"), ("7", "8")])["outcome"].tolist() == ["correct", "incorrect"]


def test_error_of_a_command_has_its_class_code_and_message() -> None:
    with pytest.raises(gradus.ConfigError, match=r"nope\.toml: expected a recipe file.*\ntry: gradus demo") as caught:
        gradus.train("nope.toml")
    assert (caught.value.code, caught.value.try_next) == ("CONFIG_INVALID", "gradus demo")
