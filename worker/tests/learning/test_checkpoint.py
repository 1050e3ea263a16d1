"""A saved state round-trips, or loading it raises a StateError."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gradus_worker.learning.checkpoint import StateOwner, UpdateCounts, load_state, save_state
from gradus_worker.learning.shard_files import StateError

TENSORS = {"a": torch.tensor([1.5, -2.25]), "b": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)}


def data_file(folder: Path) -> Path:
    (found,) = folder.glob("state-*")
    return found


def test_a_state_round_trips_bit_for_bit_and_replaces_the_previous_one(tmp_path: Path) -> None:
    save_state(tmp_path / "s", {"a": torch.zeros(2)}, UpdateCounts(1, 1), StateOwner("m"))
    save_state(tmp_path / "s", TENSORS, UpdateCounts(2, 1), StateOwner("m"))
    state = load_state(tmp_path / "s", StateOwner("m"))
    assert state.updates == UpdateCounts(policy=2, optimizer=1)
    loaded = {name: torch.zeros_like(value) for name, value in TENSORS.items()}
    state.copy_into(loaded)
    for name, value in TENSORS.items():
        assert torch.equal(loaded[name], value)
    assert len(list((tmp_path / "s").iterdir())) == 2


def test_loads_a_state_in_format_1(tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    save_file(TENSORS, draft)
    content = draft.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    draft.rename(tmp_path / f"state-{digest}.safetensors")
    file = {"name": f"state-{digest}.safetensors", "sha256": digest, "bytes": len(content)}
    manifest = {"format": "gradus-torch-state@1", "policyVersion": 7, "modelHash": "m", "lora": None, "file": file}
    (tmp_path / "engine-state.json").write_text(json.dumps(manifest))
    state = load_state(tmp_path, StateOwner("m"))
    assert state.updates == UpdateCounts(policy=7, optimizer=7)
    loaded = {name: torch.zeros_like(value) for name, value in TENSORS.items()}
    state.copy_into(loaded)
    assert all(torch.equal(loaded[name], value) for name, value in TENSORS.items())


def test_a_state_with_other_names_or_shapes_changes_nothing(tmp_path: Path) -> None:
    save_state(tmp_path, TENSORS, UpdateCounts(1, 1), StateOwner("m"))
    state = load_state(tmp_path, StateOwner("m"))
    for other in ({"a": torch.zeros(2)}, {"a": torch.zeros(2), "b": torch.zeros(6)}):
        with pytest.raises(StateError, match="'b' of shape"):
            state.copy_into(other)
        assert all(float(value.abs().sum()) == 0 for value in other.values())


@pytest.mark.parametrize("name", ["../state.safetensors", "/etc/passwd", "state-0.safetensors"])
def test_a_manifest_that_names_other_files_is_rejected(tmp_path: Path, name: str) -> None:
    save_state(tmp_path, TENSORS, UpdateCounts(1, 1), StateOwner("m"))
    manifest = json.loads((tmp_path / "engine-state.json").read_text())
    manifest["files"][0]["name"] = name
    (tmp_path / "engine-state.json").write_text(json.dumps(manifest))
    with pytest.raises(StateError, match="named by its sha256"):
        load_state(tmp_path, StateOwner("m"))


def test_a_save_deletes_no_foreign_files(tmp_path: Path) -> None:
    foreign = tmp_path / "state-of-the-experiment.txt"
    foreign.write_text("notes")
    for version in (1, 2):
        save_state(tmp_path, {"a": torch.full((1,), float(version))}, UpdateCounts(version, version), StateOwner("m"))
    assert foreign.read_text() == "notes"
    assert len(list(tmp_path.glob("state-*.safetensors"))) == 1


def test_every_truncation_and_changed_byte_is_detected(tmp_path: Path) -> None:
    save_state(tmp_path, TENSORS, UpdateCounts(3, 3), StateOwner("m"))
    for path in (data_file(tmp_path), tmp_path / "engine-state.json"):
        whole = path.read_bytes()
        # The last byte of the manifest is a line feed, which does not change its content.
        for size in range(len(whole) - 1):
            path.write_bytes(whole[:size])
            with pytest.raises(StateError):
                load_state(tmp_path, StateOwner("m"))
        path.write_bytes(whole)
    path = data_file(tmp_path)
    path.write_bytes(whole_with_one_bit_changed(path.read_bytes()))
    with pytest.raises(StateError, match="got other content: damaged"):
        load_state(tmp_path, StateOwner("m"))


def whole_with_one_bit_changed(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def test_a_missing_state_or_a_state_from_another_model_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="expected a file"):
        load_state(tmp_path / "nowhere", StateOwner("m"))
    save_state(tmp_path, TENSORS, UpdateCounts(3, 3), StateOwner("m"))
    with pytest.raises(StateError, match="of model other"):
        load_state(tmp_path, StateOwner("other"))


@pytest.mark.parametrize("dies_at", [0, 1, 2, 3])
def test_a_save_interrupted_at_any_sync_leaves_a_complete_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    save_state(tmp_path, TENSORS, UpdateCounts(1, 1), StateOwner("m"))
    calls = iter(range(100))
    sync = os.fsync

    def dying(descriptor: int) -> None:
        if next(calls) == dies_at:
            raise KeyboardInterrupt
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", dying)
    with pytest.raises(KeyboardInterrupt):
        save_state(tmp_path, {"a": torch.zeros(1)}, UpdateCounts(2, 2), StateOwner("m"))
    # The manifest is renamed before the last sync, and the new state is valid from then on.
    assert load_state(tmp_path, StateOwner("m")).updates.policy == (2 if dies_at == 3 else 1)
