"""Order, replay, sessions and errors of docs/protocol.md, with the real server loop and a tiny model."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_client import CREATE, STEP, LocalClient, local_client, sampling, scoring, training

from gradus_worker.learning.scorer import Scorer
from gradus_worker.model import model_folder
from gradus_worker.sampling.sampler import Sampler
from gradus_worker.server import server

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


def test_a_session_that_only_samples_takes_saved_weights(tiny_folder: Path, tmp_path: Path) -> None:
    whole, weights = str(tmp_path / "whole"), str(tmp_path / "weights")
    with local_client(tiny_folder) as client:
        client.ask("forwardBackward", **training(SEQUENCES))
        client.ask("optimStep", **STEP)
        learned = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
        client.ask("saveState", dir=whole)
        assert client.ask("saveState", dir=weights, weightsOnly=True).result == {"policyVersion": 1}
        assert client.ask("loadState", dir=weights).code == "bad-request"
    sizes = [sum(file.stat().st_size for file in Path(folder).glob("*.safetensors")) for folder in (whole, weights)]
    assert sizes[0] > 2.9 * sizes[1]
    with local_client(tiny_folder, train=False) as client:
        for folder in (weights, whole):
            assert client.ask("loadState", dir=folder).result == {"policyVersion": 1}
            assert np.array_equal(client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], learned)


def test_sampled_logprobs_equal_scored_logprobs(tiny_folder: Path) -> None:
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


def test_a_repeated_request_gets_the_stored_reply_and_changes_nothing(tiny_folder: Path) -> None:
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


def test_gaps_changed_content_and_dropped_replies_are_conflicts(tiny_folder: Path) -> None:
    with local_client(tiny_folder) as client:
        assert client.ask("logprobs", **scoring(SEQUENCES), seq=3).code == "conflict"
        for _ in range(9):
            assert client.ask("logprobs", **scoring(SEQUENCES)).code is None
        assert client.ask("logprobs", **scoring(SEQUENCES[:1]), seq=5).code == "conflict"
        assert client.ask("logprobs", **scoring(SEQUENCES), seq=3).code is None
        assert client.ask("logprobs", **scoring(SEQUENCES), seq=2).code == "conflict"
        assert client.ask("logprobs", **scoring(SEQUENCES)).code is None


def test_an_error_uses_up_its_seq_and_is_replayed(tiny_folder: Path) -> None:
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


def test_a_repeated_sample_writes_the_same_tokens_until_the_policy_changes(tiny_folder: Path) -> None:
    wanted = sampling(PROMPTS, 2, 8)
    with local_client(tiny_folder) as client:
        first = client.ask("sample", **wanted)
        seq = client.last_seq
        client.ask("forwardBackward", **training(SEQUENCES))
        again = client.ask("sample", **wanted, seq=seq)
        assert again.completions == first.completions
        client.ask("optimStep", **STEP)
        assert client.ask("sample", **wanted, seq=seq).code == "conflict"


def test_consecutive_samples_run_concurrently_and_other_requests_wait(tiny_folder: Path) -> None:
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
    """Blocks the first microbatch and the first decode step until it is set."""
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


def test_unordered_requests_are_answered_between_microbatches(tiny_folder: Path, held: threading.Event) -> None:
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


def test_pings_are_answered_while_a_model_loads(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_shutdown_interrupts_running_work(tiny_folder: Path, held: threading.Event) -> None:
    with local_client(tiny_folder, tokensPerMicrobatch=1) as client:
        work = client.start("forwardBackward", **training(SEQUENCES))
        over = client.start("shutdown")
        held.set()
        assert client.wait(over).result == {}
        with pytest.raises(EOFError):
            client.wait(work)


def test_aborted_samples_still_get_their_result(tiny_folder: Path, held: threading.Event) -> None:
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


def test_a_waiting_sample_can_be_aborted(tiny_folder: Path, held: threading.Event) -> None:
    with local_client(tiny_folder) as client:
        client.start("logprobs", **scoring(SEQUENCES))
        waiting = client.start("sample", **sampling(PROMPTS, 2, 100))
        client.start("abort", target=waiting, sequences=None)
        held.set()
        assert client.wait(waiting).result == {"finished": 0, "aborted": 6}


def test_a_repeated_sample_replaces_the_running_one(tiny_folder: Path, held: threading.Event) -> None:
    wanted = sampling(PROMPTS, 2, 100, temperature=0)
    with local_client(tiny_folder, endTokens=[60]) as client:
        client.start("logprobs", **scoring(SEQUENCES))
        first = client.start("sample", **wanted)
        again = client.start("sample", **wanted, seq=client.last_seq)
        held.set()
        assert client.wait(first).result["aborted"] == 6
        assert client.wait(again).result["finished"] == 6


def test_a_second_client_and_other_versions_are_rejected(tiny_folder: Path) -> None:
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


def test_a_lasting_server_replaces_a_silent_client(
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
