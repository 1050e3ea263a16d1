"""Order, repetition, sessions, refusals: the promises of docs/protocol.md, over the real loop and a tiny model."""

import shutil
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
import torch
from fake_client import CREATE, LORA, STEP, LocalClient, local_client, sampling, scoring, training

from gradus_worker import model_folder, server
from gradus_worker.frames import Frame
from gradus_worker.inbox import Incoming
from gradus_worker.messages import read_request
from gradus_worker.model_folder import load_model
from gradus_worker.optimizer import AdamW
from gradus_worker.sampler import Sampler
from gradus_worker.score import Scorer

PROMPTS = [[5, 6, 7], [8, 9], [10, 11, 12, 13]]
SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4]]


def test_a_session_from_hello_to_shutdown(tiny_folder: Path, tmp_path: Path) -> None:
    client = LocalClient()
    hello = client.hello().result
    assert hello["devices"][0] == "cpu"
    assert len(hello["session"]) >= 16
    created = client.create(tiny_folder).result
    assert (created["architecture"], created["vocabSize"], created["dtype"]) == ("Qwen2ForCausalLM", 61, "float32")
    drawn = client.ask("sample", **sampling(PROMPTS, 2, 8))
    assert drawn.result == {"finished": 6, "aborted": 0}
    assert drawn.completions.keys() == {(prompt, index) for prompt in range(3) for index in range(2)}
    before = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
    learned = client.ask("forwardBackward", **training(SEQUENCES))
    assert np.array_equal(learned.tensors["logprobs"], before)
    assert learned.result["tokens"] == 10
    assert learned.result["metrics"]["microbatches"] == 1
    stepped = client.ask("optimStep", **STEP).result
    assert stepped["policyVersion"] == 1
    assert stepped["applied"]
    after = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
    assert np.abs(after - before).max() > 0.01
    assert np.array_equal(client.ask("logprobs", **scoring(SEQUENCES, "reference")).tensors["logprobs"], before)
    assert client.ask("saveState", dir=str(tmp_path / "state")).result == {"policyVersion": 1}
    client.ask("forwardBackward", **training(SEQUENCES))
    client.ask("optimStep", **STEP)
    assert client.ask("loadState", dir=str(tmp_path / "state")).result == {"policyVersion": 1}
    assert np.array_equal(client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], after)
    assert client.ask("exportModel", dir=str(tmp_path / "out"), dtype="f32").result == {}
    assert client.ask("ping").result == {}
    figures = client.ask("stats").result["metrics"]
    assert figures["trainer/tokens"] == 26
    assert all(figures[name] > 0 for name in ("memory/peak", "trainer/tokensPerSecond", "sampler/tokensPerSecond"))
    assert 1 <= figures["sampler/batch"] <= 6
    assert client.ask("shutdown").result == {}
    client.thread.join(30)
    assert client.ending is not None
    assert client.ending.code == 0


def test_what_was_sampled_has_the_logprobs_that_scoring_gives(tiny_folder: Path) -> None:
    with local_client(tiny_folder) as client:
        drawn = client.ask("sample", **sampling(PROMPTS, 3, 6))
        said = {}
        for header, tensors in drawn.parts:
            ends = np.cumsum([one["count"] for one in header["sequences"]])
            for one, values in zip(header["sequences"], np.split(tensors["logprobs"], ends), strict=False):
                said[one["prompt"], one["index"]] = values
        for place, tokens in drawn.completions.items():
            prompt = PROMPTS[place[0]]
            scored = client.ask("logprobs", **scoring([prompt + tokens])).tensors["logprobs"]
            assert np.allclose(scored[len(prompt) :], said[place], atol=1e-4)


def test_a_repeated_request_is_answered_again_and_changes_nothing(tiny_folder: Path) -> None:
    with local_client(tiny_folder) as client:
        first = client.ask("forwardBackward", **training(SEQUENCES))
        again = client.ask("forwardBackward", **training(SEQUENCES), seq=client.last_seq)
        assert again.header == {**first.header, "id": again.header["id"]}
        assert np.array_equal(again.tensors["logprobs"], first.tensors["logprobs"])
        once = client.ask("optimStep", **STEP).result
        assert client.ask("optimStep", **STEP, seq=client.last_seq).result == once
    with local_client(tiny_folder) as other:
        other.ask("forwardBackward", **training(SEQUENCES))
        assert other.ask("optimStep", **STEP).result == once


def test_gaps_other_content_and_replies_no_longer_kept_are_conflicts(tiny_folder: Path) -> None:
    with local_client(tiny_folder) as client:
        assert client.ask("logprobs", **scoring(SEQUENCES), seq=3).code == "conflict"
        for _ in range(9):
            assert client.ask("logprobs", **scoring(SEQUENCES)).code is None
        assert client.ask("logprobs", **scoring(SEQUENCES[:1]), seq=5).code == "conflict"
        assert client.ask("logprobs", **scoring(SEQUENCES), seq=3).code is None
        assert client.ask("logprobs", **scoring(SEQUENCES), seq=2).code == "conflict"
        assert client.ask("logprobs", **scoring(SEQUENCES)).code is None


def test_an_error_uses_its_number_and_is_what_a_repetition_gets(tiny_folder: Path) -> None:
    wrong = scoring([[1, 61]])
    with local_client(tiny_folder) as client:
        first = client.ask("logprobs", **wrong)
        assert first.code == "bad-request"
        assert "expected ids from 0 to 60, got 61 at 1" in first.header["message"]
        assert client.ask("logprobs", **wrong, seq=2).header["message"] == first.header["message"]
        malformed = client.ask("logprobs", tensors={}, which="policy", temperature=0, lengths=[])
        assert malformed.code == "bad-request"
        assert "temperature: expected more than 0" in malformed.header["message"]
        assert client.ask("logprobs", **scoring(SEQUENCES)).code is None


def test_a_sample_asked_again_is_drawn_again_until_the_policy_changes(tiny_folder: Path) -> None:
    wanted = sampling(PROMPTS, 2, 8)
    with local_client(tiny_folder) as client:
        first = client.ask("sample", **wanted)
        seq = client.last_seq
        client.ask("forwardBackward", **training(SEQUENCES))
        again = client.ask("sample", **wanted, seq=seq)
        assert again.completions == first.completions
        client.ask("optimStep", **STEP)
        assert client.ask("sample", **wanted, seq=seq).code == "conflict"


def test_samples_in_a_row_run_together_and_others_wait_for_them(tiny_folder: Path) -> None:
    with local_client(tiny_folder) as client:
        wanted = [sampling([prompt], 2, 8) for prompt in PROMPTS]
        started = [client.start("sample", **one) for one in wanted]
        learned = client.start("forwardBackward", **training(SEQUENCES))
        step = client.start("optimStep", **STEP)
        later = client.start("sample", **wanted[0])
        together = [client.wait(one) for one in started]
        assert client.wait(learned).code is None
        assert client.wait(step).result["policyVersion"] == 1
        for part, _ in client.wait(later).parts:
            assert all(one["policyVersionStart"] == one["policyVersionEnd"] == 1 for one in part["sequences"])
    with local_client(tiny_folder) as alone:
        assert [alone.ask("sample", **one).completions for one in wanted] == [one.completions for one in together]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Holds the first microbatch and the first decode step until it is set."""
    event = threading.Event()

    def hold(of: type, name: str) -> None:
        method = getattr(of, name)

        def waiting(*arguments: Any) -> Any:
            assert event.wait(30)
            return method(*arguments)

        monkeypatch.setattr(of, name, waiting)

    hold(Scorer, "forward")
    hold(Sampler, "step")
    return event


def test_what_has_no_place_in_the_order_is_answered_between_microbatches(
    tiny_folder: Path, held: threading.Event
) -> None:
    with local_client(tiny_folder, tokensPerMicrobatch=1) as client:
        work = client.start("forwardBackward", **training(SEQUENCES))
        later = client.start("logprobs", **scoring(SEQUENCES))
        at_once = [
            client.start("ping"),
            client.start("stats"),
            client.start("abort", target=work, sequences=None),
            client.start("hello", protocol={"min": 1, "max": 1}, client={"name": "", "version": ""}, token=None),
        ]
        held.set()
        assert client.wait(later).code is None
        assert client.answered[-6:] == [*at_once, work, later]
        assert client.wait(at_once[-1]).code == "conflict"


def test_a_model_that_takes_long_to_read_leaves_no_ping_unanswered(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, going_on = threading.Event(), threading.Event()

    def slowly(*given: Any) -> None:
        read.set()
        assert going_on.wait(10)
        update(*given)

    update = model_folder._update_hash
    monkeypatch.setattr(model_folder, "_update_hash", slowly)
    with local_client() as client:
        creating = client.start("createModel", **CREATE, model=str(tiny_folder))
        assert read.wait(10)
        ping = client.start("ping")
        going_on.set()
        assert client.wait(creating).result["policyVersion"] == 0
        assert client.answered[-2:] == [ping, creating]


def test_shutdown_ends_the_worker_in_the_middle_of_work(tiny_folder: Path, held: threading.Event) -> None:
    with local_client(tiny_folder, tokensPerMicrobatch=1) as client:
        work = client.start("forwardBackward", **training(SEQUENCES))
        over = client.start("shutdown")
        held.set()
        assert client.wait(over).result == {}
        with pytest.raises(EOFError):
            client.wait(work)


def test_aborted_samples_end_with_their_result(tiny_folder: Path, held: threading.Event) -> None:
    long = sampling(PROMPTS, 2, 100, temperature=0, stream=True)
    with local_client(tiny_folder, endTokens=[60]) as client:
        whole, some = client.start("sample", **long), client.start("sample", **long)
        client.start("abort", target=whole, sequences=None)
        places = [{"prompt": 0, "index": 1}, {"prompt": 2, "index": 0}, {"prompt": 9, "index": 9}]
        client.start("abort", target=some, sequences=places)
        held.set()
        assert client.wait(whole).result["aborted"] == 6
        ended = client.wait(some)
        assert ended.result == {"finished": 4, "aborted": 2}
        finished = {
            (one["prompt"], one["index"])
            for header, _ in ended.parts
            for one in header["sequences"]
            if one["finishReason"] is not None
        }
        assert finished == {(0, 0), (1, 0), (1, 1), (2, 1)}
        assert client.ask("abort", target=9999, sequences=None).result == {}


def test_a_sample_can_be_aborted_while_it_waits(tiny_folder: Path, held: threading.Event) -> None:
    with local_client(tiny_folder) as client:
        client.start("logprobs", **scoring(SEQUENCES))
        waiting = client.start("sample", **sampling(PROMPTS, 2, 100))
        client.start("abort", target=waiting, sequences=None)
        held.set()
        assert client.wait(waiting).result == {"finished": 0, "aborted": 6}


def test_a_sample_asked_again_while_it_runs_takes_its_place(tiny_folder: Path, held: threading.Event) -> None:
    wanted = sampling(PROMPTS, 2, 100, temperature=0)
    with local_client(tiny_folder, endTokens=[60]) as client:
        client.start("logprobs", **scoring(SEQUENCES))
        first = client.start("sample", **wanted)
        again = client.start("sample", **wanted, seq=client.last_seq)
        held.set()
        assert client.wait(first).result["aborted"] == 6
        assert client.wait(again).result["finished"] == 6


def test_one_client_at_a_time_and_one_version(tiny_folder: Path) -> None:
    with local_client(tiny_folder) as client:
        second = client.hello()
        assert second.code == "conflict"
        assert "serves another client" in second.header["message"]
    client = LocalClient()
    newer = {"protocol": {"min": 2, "max": 3}, "client": {"name": "", "version": ""}, "token": None}
    assert client.ask("hello", **newer).code == "conflict"
    assert client.ask("ping").code == "conflict"
    client.hello()
    assert client.ask("ping").result == {}
    client.end()


def test_a_silent_client_gives_way_where_the_server_lasts(
    tiny_folder: Path, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = LocalClient(lasting=True)
    client.hello()
    client.create(tiny_folder, tokensPerMicrobatch=1)
    work = client.start("forwardBackward", **training(SEQUENCES))
    waiting = client.start("optimStep", **STEP)
    monkeypatch.setattr(server, "SESSION_SILENCE_SECONDS", -1)
    following = client.start("hello", protocol={"min": 1, "max": 1}, client={"name": "", "version": ""}, token=None)
    held.set()
    assert client.wait(following).result["session"] == client.server.session_id
    assert [client.wait(one).code for one in (work, waiting)] == ["conflict", "conflict"]
    client.last_seq = 0
    assert client.create(tiny_folder).result["policyVersion"] == 0
    assert client.ask("shutdown").result == {}
    assert client.hello().result["protocol"] == 1
    client.end()


def test_messages_that_are_none_are_refused_under_the_id_they_have() -> None:
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
def test_a_model_that_cannot_be_had_is_refused_and_another_may_follow(
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
def test_a_batch_that_cannot_be_learned_from_is_refused_and_changes_nothing(
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


def test_memory_that_does_not_suffice_is_oom_and_the_worker_goes_on(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, room = Scorer.forward, 8

    def scarce(self: Scorer, sequences: Any, temperature: float) -> Any:
        if sum(map(len, sequences)) > room:
            raise torch.OutOfMemoryError("injected")
        return forward(self, sequences, temperature)

    with local_client(tiny_folder) as client:
        plenty = client.ask("forwardBackward", **training(SEQUENCES)).result
        monkeypatch.setattr(Scorer, "forward", scarce)
        halved = client.ask("forwardBackward", **training(SEQUENCES)).result
        assert halved["metrics"]["tokensPerMicrobatch"] <= room
        assert halved["loss"] == pytest.approx(plenty["loss"], abs=1e-5)
        room = 3
        assert client.ask("forwardBackward", **training(SEQUENCES)).code == "oom"
        room = 99
        # Nothing of the gradient is left.
        assert client.ask("optimStep", **STEP).result["gradNorm"] == 0


def test_what_is_unexpected_is_internal_drops_the_gradient_and_is_told_on_stderr(
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


def test_states_are_refused_where_they_cannot_continue(tiny_folder: Path, tmp_path: Path) -> None:
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
def test_a_session_that_only_samples_keeps_nothing_for_learning(
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


def test_an_export_holds_the_weights_unrounded_where_it_can(tiny_folder: Path, tmp_path: Path) -> None:
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


def test_the_reference_is_refused_once_its_folder_holds_another_model(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    with local_client(folder) as client:
        client.ask("forwardBackward", **training(SEQUENCES))
        client.ask("optimStep", **STEP)
        client.ask("exportModel", dir=str(folder), dtype="f32")
        refused = client.ask("logprobs", **scoring(SEQUENCES, "reference"))
        assert refused.code == "bad-request"
        assert "no longer the model" in refused.header["message"]


def test_old_logprobs_that_are_not_a_number_are_the_current_ones(tiny_folder: Path) -> None:
    plain, marked = training(SEQUENCES), training(SEQUENCES)
    marked["tensors"]["policyLogprobs"] = np.full(13, np.nan, np.float32)
    with local_client(tiny_folder) as client:
        a, b = (client.ask("forwardBackward", **one).result for one in (plain, marked))
        assert a == b
