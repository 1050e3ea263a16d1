"""The Tinker engine with a stand-in for the SDK, compared with local adapters of the same shape."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_client import STEP, LocalClient, local_client, sampling, scoring, training

FAKE = str(Path(__file__).parents[1] / "fake_tinker")
sys.path.insert(0, FAKE)
import tinker  # noqa: E402

from gradus_worker.model.lora import TARGETS  # noqa: E402
from gradus_worker.tinker.engine import tinker_engines  # noqa: E402

RANK = 2
LORA = {"rank": RANK, "alpha": 32, "targets": list(TARGETS), "adapter": None}
SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4], [5]]
CLIPPED = {"type": "clipped", "ratio": "token", "clipLow": 0.2, "clipHigh": 0.28, "dualClip": 3}
LOSSES: dict[str, dict[str, Any]] = {
    "DAPO": {"policy": CLIPPED},
    "GSPO": {"policy": {**CLIPPED, "ratio": "sequence", "dualClip": None}},
    "CISPO": {"policy": {"type": "cispo", "minRatio": 0, "maxRatio": 1.2}},
    "REINFORCE, sequence importance": {
        "policy": {"type": "reinforce"},
        "importance": {"level": "sequence", "mode": "truncate", "cap": 2},
    },
    "PPO, KL": {"policy": CLIPPED, "kl": {"estimator": "k3", "coefficient": 0.1}},
    "cross-entropy": {"policy": {"type": "cross-entropy"}},
    "cross-entropy of other targets": {"policy": {"type": "cross-entropy"}},
}


@contextmanager
def tinker_client(folder: Path, **settings: Any) -> Iterator[LocalClient]:
    with tinker_engines(str(folder), RANK) as open_engine:
        client = LocalClient(open_engine=open_engine)
        try:
            client.hello()
            client.created = client.create(folder, tokensPerMicrobatch=64, **settings)
            yield client
        finally:
            client.end()


@pytest.fixture(autouse=True)
def _states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_TINKER_FOLDER", str(tmp_path / "service"))


def batch(client: LocalClient, **spec: Any) -> dict[str, Any]:
    """Builds a batch with advantages of both signs, and old and reference log-probabilities near the current ones."""
    wanted = training(SEQUENCES, **spec)
    total = len(wanted["tensors"]["tokens"])
    noise = np.random.default_rng(3)
    current = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
    for name in ("policyLogprobs", "referenceLogprobs", "rolloutLogprobs"):
        wanted["tensors"][name] = current + noise.normal(0, 0.3, total).astype(np.float32)
    wanted["tensors"]["advantages"] = noise.normal(0, 1, total).astype(np.float32)
    return wanted


@pytest.mark.parametrize("loss", LOSSES)
def test_learns_the_same_bits_as_local_adapters(tiny_folder: Path, loss: str) -> None:
    found: list[Any] = []
    for opened in (tinker_client(tiny_folder), local_client(tiny_folder, lora=LORA)):
        with opened as client:
            wanted = batch(client, **LOSSES[loss])
            if loss.endswith("other targets"):
                wanted["tensors"]["targets"] = (wanted["tensors"]["tokens"] + 1) % 61
                wanted["withTargets"] = True
            losses = []
            for _ in range(2):
                losses.append(client.ask("forwardBackward", **wanted).result["loss"])
                assert client.ask(
                    "optimStep",
                    **STEP,
                ).result["applied"]
            found.append((losses, client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]))
    (losses, scores), (expected_losses, expected) = found
    assert losses == expected_losses
    assert np.array_equal(scores, expected)


def test_samples_with_the_current_weights_and_resumes_from_a_state(tiny_folder: Path, tmp_path: Path) -> None:
    wanted, state = sampling([[5, 6, 7], [8, 9]], 3, 12), str(tmp_path / "state")
    with local_client(tiny_folder, lora=LORA) as local:
        local.ask("forwardBackward", **batch(local))
        local.ask("optimStep", **STEP)
        expected = local.ask("sample", **wanted)
    with tinker_client(tiny_folder) as client:
        assert client.created.result["device"] == f"Tinker: {tiny_folder}"
        reference = client.ask("logprobs", **scoring(SEQUENCES, "reference")).tensors["logprobs"]
        assert np.allclose(reference, client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], atol=1e-6)
        client.ask("forwardBackward", **batch(client))
        assert client.ask("optimStep", **STEP).result == {"policyVersion": 1, "gradNorm": None, "applied": True}
        answer = client.ask("sample", **wanted)
        assert answer.completions == expected.completions
        assert answer.result == {"finished": 6, "aborted": 0}
        assert "entropies" not in answer.parts[0][1]
        assert client.ask("stats").result["metrics"]["sampler/publishes"] == 1
        assert client.ask("saveState", dir=state).result == {"policyVersion": 1}
        after = batch(client)
        client.ask("forwardBackward", **after)
        client.ask("optimStep", **STEP)
        continued = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
        assert client.ask("exportModel", dir=str(tmp_path / "exported"), dtype="f32").code is None
        assert "tinker://" in (tmp_path / "exported" / "tinker.json").read_text()
    with tinker_client(tiny_folder) as client:
        assert client.ask("loadState", dir=state).result == {"policyVersion": 1}
        client.ask("forwardBackward", **after)
        client.ask("optimStep", **STEP)
        assert np.array_equal(client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], continued)
        assert client.ask("loadState", dir=str(tmp_path / "nothing")).code == "bad-request"
    with tinker_client(tiny_folder, train=False) as client:
        client.ask("loadState", dir=state)
        assert client.ask("sample", **wanted).completions == expected.completions


def test_a_step_with_weights_that_are_not_finite_changes_nothing(tiny_folder: Path) -> None:
    with tinker_client(tiny_folder) as client:
        before = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
        wanted = batch(client)
        wanted["tensors"]["advantages"][3] = np.inf
        client.ask("forwardBackward", **wanted)
        assert client.ask("optimStep", **STEP).result["applied"] is False
        assert np.array_equal(client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], before)


def test_rejects_requests_that_the_service_does_not_support(tiny_folder: Path) -> None:
    with tinker_client(tiny_folder) as client:
        entropy = client.ask("forwardBackward", **training(SEQUENCES, entropy={"coefficient": 0.1}))
        assert "returns no entropies" in entropy.header["message"]
        warm = client.ask("forwardBackward", **training(SEQUENCES, temperature=0.7))
        assert "at temperature 1" in warm.header["message"]
    with tinker_client(tiny_folder, lora=LORA) as client:
        assert "--lora-rank" in client.created.header["message"]


def test_rejects_a_service_that_normalises_weights(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_TINKER", "normalised")
    with tinker_client(tiny_folder) as client:
        assert client.created.code == "bad-request"
        assert "such as SkyRL's JAX backend" in client.created.header["message"]


def test_reports_an_error_of_the_service_and_continues(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tinker_client(tiny_folder) as client:

        def fail(*_: object) -> None:
            raise tinker.TinkerError("billing")

        with monkeypatch.context() as patch:
            patch.setattr(tinker.SamplingClient, "_sample", fail)
            assert client.ask("sample", **sampling([[5, 6]], 2, 4)).code == "internal"
        assert client.ask("sample", **sampling([[5, 6]], 2, 4)).code is None


@pytest.mark.skipif(
    not any(one.metadata["Name"] == "tinker" for one in importlib.metadata.distributions()),
    reason="the Tinker SDK is not installed (requirements-tinker.txt)",
)
def test_the_sdk_has_the_calls_of_the_stand_in() -> None:
    script = f"""
import importlib.util, inspect, tinker
spec = importlib.util.spec_from_file_location("stand_in", {FAKE + "/tinker/__init__.py"!r})
fake = importlib.util.module_from_spec(spec)
import sys; sys.modules["stand_in"] = fake
spec.loader.exec_module(fake)
for name in ("ServiceClient", "TrainingClient", "SamplingClient"):
    for method, own in inspect.getmembers(getattr(fake, name), inspect.isfunction):
        if method.startswith("_") or method == "snapshot":
            continue
        theirs = inspect.signature(getattr(getattr(tinker, name), method)).parameters
        assert set(inspect.signature(own).parameters) <= set(theirs), (name, method, list(theirs))
for name in ("ModelInput", "TensorData", "Datum", "AdamParams", "SamplingParams", "SampleResponse"):
    assert hasattr(tinker.types, name), name
params = tinker.types.SamplingParams(max_tokens=1, seed=1, stop=[0], temperature=1.0, top_k=-1, top_p=1.0)
import numpy as np
datum = tinker.types.Datum(model_input=tinker.types.ModelInput.from_ints([1]), loss_fn_inputs={{
    "target_tokens": tinker.types.TensorData.from_numpy(np.array([2])),
    "weights": tinker.types.TensorData.from_numpy(np.array([-1], np.float32))}})
assert datum.loss_fn_inputs["weights"].to_numpy()[0] == -1
"""
    path = {"PYTHONPATH": str(Path(FAKE).parents[1])}
    found = subprocess.run([sys.executable, "-c", script], env=path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
