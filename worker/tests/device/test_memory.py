"""Free memory, shared devices, and out-of-memory errors."""

from pathlib import Path

import pytest
import torch
from conftest import TINY
from fake_client import local_client, training

from gradus_worker import engine
from gradus_worker.device import memory
from gradus_worker.device.memory import free_memory, is_out_of_memory, is_shared
from gradus_worker.device.peak_rates import PeakRates
from gradus_worker.model import model_folder
from gradus_worker.model.config import ModelConfig
from gradus_worker.model.model_folder import empty_model, load_model
from gradus_worker.model.transformer import Transformer
from gradus_worker.sampling.kv_cache import bytes_per_position

CPU = torch.device("cpu")
SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4]]
NONE_LEFT = "CUDA error: out of memory"
"""Message of the CUDA runtime, which raises a plain RuntimeError."""


def test_page_cache_counts_as_free_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    monkeypatch.setattr(memory, "_MEMINFO", told)
    told.write_text("MemTotal:  9000 kB\nMemFree:  100 kB\nMemAvailable:    5000 kB\n")
    assert free_memory(CPU) == 5000 * 1024
    told.unlink()
    assert free_memory(CPU) > 2**28


def test_out_of_memory_errors_of_every_allocator_are_detected() -> None:
    for message in (
        NONE_LEFT,
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "Triton Error [CUDA]: out of memory",
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory",
    ):
        assert is_out_of_memory(RuntimeError(message))
    assert is_out_of_memory(torch.OutOfMemoryError("any"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_the_sampler_reserves_memory_for_gradients(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = sum(value.nbytes for value in load_model(tiny_folder).model.weights.values())
    free = 2 * weights + 1000 * bytes_per_position(TINY, torch.float32)
    monkeypatch.setattr("gradus_worker.sampling.sampler.free_memory", lambda _: free)
    with local_client(tiny_folder) as client:
        stats = client.ask("stats").result["metrics"]
    assert stats["sampler/cacheBlocks"] == 400 // 16
    monkeypatch.setattr("gradus_worker.sampling.sampler.free_memory", lambda _: weights)
    with local_client() as client:
        refused = client.create(tiny_folder)
    assert refused.code == "oom"
    assert f"got 0 bytes; {2 * weights} are reserved for gradients" in refused.header["message"]


@pytest.mark.parametrize(("others", "blocks"), [(1, 800 // 16), (30, 400 // 16)])
def test_the_cache_takes_a_larger_share_of_an_unshared_gpu(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, others: int, blocks: int
) -> None:
    own = 5
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (80 - own - others, 80))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: own)
    monkeypatch.setattr(engine, "is_shared", lambda _: is_shared(torch.device("cuda")))
    free = 1000 * bytes_per_position(TINY, torch.float32)
    monkeypatch.setattr("gradus_worker.sampling.sampler.free_memory", lambda _: free)
    with local_client(tiny_folder, train=False) as client:
        assert client.ask("stats").result["metrics"]["sampler/cacheBlocks"] == blocks


def test_a_model_loads_without_memory_to_measure_peak_rates(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def scarce(device: torch.device, dtype: torch.dtype) -> PeakRates:
        raise RuntimeError(NONE_LEFT)

    monkeypatch.setattr(engine, "measure_peak_rates", scarce)
    assert engine._peak_rates(CPU, torch.float32) is None
    assert "too little free memory to measure" in capfd.readouterr().err


def test_the_requested_device_becomes_current_before_anything_is_allocated(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks, without a GPU, that the device becomes current before anything is allocated on it."""
    done: list[str] = []

    def made(config: ModelConfig, device: torch.device, dtype: torch.dtype) -> Transformer:
        done.append(f"weights on {device}")
        return empty_model(config, CPU, dtype)

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: done.append(f"current is {device}"))
    monkeypatch.setattr(model_folder, "empty_model", made)
    load_model(tiny_folder, "cuda:1")
    assert done == ["current is cuda:1", "weights on cuda:1"]


def test_batches_are_halved_after_every_kind_of_out_of_memory_error(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden, room = Transformer.hidden, 8

    def scarce(self: Transformer, tokens: torch.Tensor, *rest: object) -> torch.Tensor:
        if len(tokens) > room:
            raise RuntimeError(NONE_LEFT)
        return hidden(self, tokens, *rest)  # type: ignore[arg-type]

    with local_client(tiny_folder) as client:
        plenty = client.ask("forwardBackward", **training(SEQUENCES)).result
        monkeypatch.setattr(Transformer, "hidden", scarce)
        halved = client.ask("forwardBackward", **training(SEQUENCES)).result
        assert halved["loss"] == pytest.approx(plenty["loss"], abs=1e-5)
        assert halved["metrics"]["tokensPerMicrobatch"] <= room
