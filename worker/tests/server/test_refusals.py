"""Rejected requests and survived failures, with the real server loop and a tiny model."""

import shutil
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
import torch
from fake_client import CREATE, LORA, STEP, LocalClient, local_client, sampling, scoring, training

from gradus_worker.learning.optimizer import AdamW
from gradus_worker.learning.scorer import Scorer
from gradus_worker.model.model_folder import load_model
from gradus_worker.protocol.frames import Frame
from gradus_worker.protocol.messages import read_request
from gradus_worker.server.inbox import Incoming

PROMPTS = [[5, 6, 7], [8, 9], [10, 11, 12, 13]]
SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4]]


def test_invalid_messages_are_rejected_under_their_id() -> None:
    client = LocalClient()
    client.hello()
    assert client.ask("pong").code == "bad-request"
    assert client.ask("ping", surprise=1).code == "bad-request"
    client.open[1] = SimpleQueue()
    ping = {"id": 1, "type": "ping", "tensors": []}
    for header in ([], None, 7, {**ping, "id": 0}, {**ping, "id": "x"}, {**ping, "type": ["ping"]}):
        client.inbox.put(Incoming(read_request(Frame(header, b"")), client._reply))
        assert client.wait(1).code == "bad-request"
    assert client.ask("logprobs", **scoring([[1, 2]])).header["message"] == "logprobs: expected createModel first"
    client.end()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "/nowhere"}, "expected a model folder"),
        ({"device": "cuda:99"}, "device"),
        ({"device": "tpu"}, "device"),
        ({"endTokens": [61]}, "endTokens"),
    ],
)
def test_an_invalid_model_is_rejected_and_a_valid_one_may_follow(
    tiny_folder: Path, settings: dict[str, Any], message: str
) -> None:
    with local_client() as client:
        refused = client.ask("createModel", **{"model": str(tiny_folder), **CREATE, **settings})
        assert refused.code == "bad-request"
        assert message in refused.header["message"]
        assert client.create(tiny_folder).code is None
        assert client.create(tiny_folder).code == "bad-request"


BATCHES: list[tuple[str, dict[str, Any], str]] = [
    ("kl", {"kl": {"estimator": "k3", "coefficient": 0.1}}, "referenceLogprobs"),
    ("lengths", {"lengths": [6, 3]}, "expected the tensor 'tokens' with 9 x i32, got 13 x i32"),
    ("type", {"tokens": np.zeros(13, np.uint32)}, "'tokens' with 13 x i32"),
    ("missing", {"weights": None}, "'weights'"),
    ("first", {"weights": np.ones(13, np.float32)}, "weight 0 on token 0"),
    ("long", {"lengths": [200], "tokens": np.zeros(200, np.int32)}, "at most 128 tokens"),
    ("negative", {"tokens": np.full(13, -1, np.int32)}, "got -1 at 0"),
]


@pytest.mark.parametrize(("change", "message"), [one[1:] for one in BATCHES], ids=[one[0] for one in BATCHES])
def test_an_invalid_batch_is_rejected_and_changes_nothing(
    tiny_folder: Path, change: dict[str, Any], message: str
) -> None:
    good = training(SEQUENCES)
    bad = {**good, "tensors": dict(good["tensors"]), "loss": dict(good["loss"])}
    for name, value in change.items():
        place = bad["tensors"] if name in bad["tensors"] else bad["loss"] if name in bad["loss"] else bad
        if value is None:
            del place[name]
        else:
            place[name] = value
    with local_client(tiny_folder) as client, local_client(tiny_folder) as other:
        for one in (client, other):
            one.ask("forwardBackward", **good)
        refused = client.ask("forwardBackward", **bad)
        assert refused.code == "bad-request"
        assert message in refused.header["message"]
        assert client.ask("optimStep", **STEP).result == other.ask("optimStep", **STEP).result


def test_running_out_of_memory_replies_oom_and_the_worker_continues(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, room = Scorer.forward, 8

    def scarce(self: Scorer, sequences: Any, *rest: Any) -> Any:
        if sum(map(len, sequences)) > room:
            raise torch.OutOfMemoryError("injected")
        return forward(self, sequences, *rest)

    with local_client(tiny_folder) as client:
        plenty = client.ask("forwardBackward", **training(SEQUENCES)).result
        monkeypatch.setattr(Scorer, "forward", scarce)
        halved = client.ask("forwardBackward", **training(SEQUENCES)).result
        assert halved["metrics"]["tokensPerMicrobatch"] <= room
        assert halved["loss"] == pytest.approx(plenty["loss"], abs=1e-5)
        room = 3
        assert client.ask("forwardBackward", **training(SEQUENCES)).code == "oom"
        room = 99
        # The gradient was dropped.
        assert client.ask("optimStep", **STEP).result["gradNorm"] == 0


def test_an_unexpected_error_replies_internal_drops_the_gradient_and_is_logged(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with local_client(tiny_folder) as client:
        client.ask("forwardBackward", **training(SEQUENCES))
        monkeypatch.setattr(Scorer, "forward", lambda *_: 1 / 0)
        failed = client.ask("logprobs", **scoring(SEQUENCES))
        assert failed.code == "internal"
        assert failed.header["message"] == "ZeroDivisionError: division by zero"
        assert client.ask("optimStep", **STEP).result["gradNorm"] == 0
    assert "Traceback" in capfd.readouterr().err


def test_states_of_other_sessions_are_rejected(tiny_folder: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    with local_client(tiny_folder) as client:
        client.ask("forwardBackward", **training(SEQUENCES))
        assert client.ask("saveState", dir=state).code == "bad-request"
        client.ask("optimStep", **STEP)
        assert client.ask("loadState", dir=state).code == "bad-request"
        client.ask("saveState", dir=state)
        (data,) = Path(state).glob("state-*")
        data.write_bytes(data.read_bytes()[:-1])
        before = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
        refused = client.ask("loadState", dir=state)
        assert refused.code == "bad-request"
        assert "truncated" in refused.header["message"]
        assert np.array_equal(client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], before)


@pytest.mark.parametrize("lora", [None, LORA])
def test_a_session_without_training_allocates_no_training_memory(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lora: dict[str, Any] | None
) -> None:
    state = str(tmp_path / "state")
    with local_client(tiny_folder, dtype="bfloat16", lora=lora) as client:
        for _ in range(2):
            client.ask("forwardBackward", **training(SEQUENCES))
            client.ask("optimStep", **STEP)
        client.ask("saveState", dir=state)
        learned = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
    monkeypatch.setattr(AdamW, "__init__", lambda *_: 1 / 0)
    with local_client(tiny_folder, dtype="bfloat16", lora=lora, train=False) as client:
        before = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
        for name, fields in (
            ("forwardBackward", training(SEQUENCES)),
            ("optimStep", STEP),
            ("saveState", {"dir": state}),
        ):
            refused = client.ask(name, **fields)
            assert refused.code == "bad-request"
            assert "train: false" in refused.header["message"]
        assert client.ask("loadState", dir=state).result == {"policyVersion": 2}
        after = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
        assert np.array_equal(after, learned)
        assert not np.array_equal(after, before)
        parts = client.ask("sample", **sampling([[1, 2, 3]], count=2, max_tokens=4)).parts
        assert {one["policyVersionStart"] for header, _ in parts for one in header["sequences"]} == {2}
        client.ask("exportModel", dir=str(tmp_path / "out"), dtype="bf16")
        assert not [name for name in client.ask("stats").result["metrics"] if name.startswith("trainer/")]
    with local_client(tmp_path / "out", dtype="bfloat16", train=False) as client:
        exported = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
        assert np.allclose(exported, learned, atol=0.05)


def test_an_export_contains_unrounded_master_weights(tiny_folder: Path, tmp_path: Path) -> None:
    with local_client(tiny_folder, dtype="bfloat16") as client:
        for _ in range(2):
            client.ask("forwardBackward", **training(SEQUENCES))
            client.ask("optimStep", **{**STEP, "learningRate": 1e-4})
        expected = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
        for dtype in ("f32", "bf16"):
            client.ask("exportModel", dir=str(tmp_path / dtype), dtype=dtype)
    for dtype in ("f32", "bf16"):
        with local_client(tmp_path / dtype, dtype="bfloat16") as again:
            assert np.array_equal(again.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], expected)
    exact = load_model(tmp_path / "f32").model.weights
    assert any((value != value.bfloat16()).any() for value in exact.values())


def test_the_reference_is_rejected_after_its_folder_changed(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    with local_client(folder) as client:
        client.ask("forwardBackward", **training(SEQUENCES))
        client.ask("optimStep", **STEP)
        client.ask("exportModel", dir=str(folder), dtype="f32")
        refused = client.ask("logprobs", **scoring(SEQUENCES, "reference"))
        assert refused.code == "bad-request"
        assert "expected the weights that createModel read" in refused.header["message"]


def test_nan_policy_logprobs_mean_the_current_policy(tiny_folder: Path) -> None:
    plain, marked = training(SEQUENCES), training(SEQUENCES)
    marked["tensors"]["policyLogprobs"] = np.full(13, np.nan, np.float32)
    with local_client(tiny_folder) as client:
        a, b = (client.ask("forwardBackward", **one).result for one in (plain, marked))
        assert a == b
