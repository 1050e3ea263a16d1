"""CUDA code tested without a GPU: devices of tensors, capturable steps, logged fallbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import TINY
from fake_client import SPEC
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gradus_worker.learning.batch_loss import TrainingSequence
from gradus_worker.learning.scorer import Scorer
from gradus_worker.learning.trainer import Trainer
from gradus_worker.model import packed_attention
from gradus_worker.model.model_folder import random_model
from gradus_worker.model.packed_attention import choose_attention
from gradus_worker.model.transformer import Transformer
from gradus_worker.model.weight_layout import weight_shapes
from gradus_worker.sampling import decoder, paged_attention
from gradus_worker.sampling.cuda_graphs import StepGraphs
from gradus_worker.sampling.kv_cache import KeyValueCache
from gradus_worker.sampling.paged_attention import Span, choose_decode_attention, prefill_inputs

CUDA = torch.device("cuda:0")


class Indexing(TorchFunctionMode):
    """Implements indexing and copying for a device that this PyTorch may not support."""

    def __torch_function__(self, function: Any, _: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        if function is Tensor.copy_:
            return torch.ops.aten.copy_(*args, **(kwargs or {}))
        if function is Tensor.__getitem__ and args[0].device.type == "cuda":
            return indexed(args[0], args[1] if isinstance(args[1], tuple) else (args[1],))
        if function is Tensor.__setitem__ and args[0].device.type == "cuda":
            return torch.ops.aten.copy_(indexed(args[0], (args[1],)), args[2])
        if function is Tensor.__iter__:
            return iter(args[0].unbind(0))
        return function(*args, **(kwargs or {}))


def indexed(x: Tensor, places: tuple[Any, ...]) -> Tensor:
    axis = 0
    for place in places:
        match place:
            case None:
                x = x.unsqueeze(axis)
            case int():
                x = x.select(axis, place)
                continue
            case slice(start=start, stop=stop):
                x = torch.ops.aten.slice(x, axis, start, stop)
            case _:
                x = torch.ops.aten.index(x, [None] * axis + [place])
        axis += 1
    return x


class Watched(TorchDispatchMode):
    """Records operations, and separately those that move data between devices."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.crossings: list[str] = []

    def __torch_dispatch__(self, function: Any, _: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        tensors = [one for one in tree_leaves((args, kwargs, result)) if isinstance(one, Tensor)]
        self.done.append(str(function))
        if len({one.device.type for one in tensors}) > 1:
            self.crossings.append(str(function))
        return result


@contextmanager
def imagined_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes tensors fake, with types, shapes and devices but no values: reading one, as `.item()` does, is an error."""
    kernel = "gradus_worker.sampling.paged_attention_triton.paged_attention"
    monkeypatch.setattr(kernel, lambda q, *_, **__: torch.empty_like(q))
    monkeypatch.setattr(decoder, "choose_decode_attention", lambda *_: "triton")
    monkeypatch.setattr(decoder, "Rows", lambda *_, **__: host_rows())
    monkeypatch.setattr(packed_attention, "_agrees", lambda *_: True)
    choose_attention.cache_clear()
    with FakeTensorMode(allow_non_fake_inputs=True), Indexing():
        yield
    choose_attention.cache_clear()


def host_rows() -> Any:
    shapes: Mapping[str, tuple[tuple[int, int], torch.dtype]] = {
        "integers": ((7, 8), torch.int64), "reals": ((2, 8), torch.float64), "blocks": ((8, 4), torch.int32)
    }  # fmt: skip
    tensors = {name: torch.zeros(size, dtype=kind) for name, (size, kind) in shapes.items()}
    return SimpleNamespace(table=np.zeros((8, 4), np.int32), **tensors)


def model(dtype: torch.dtype) -> Transformer:
    shapes = weight_shapes(TINY).items()
    return Transformer(TINY, {name: torch.empty(shape, device=CUDA, dtype=dtype) for name, shape in shapes})


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("filtered", [False, True])
def test_a_decode_step_can_be_captured_in_a_graph(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, filtered: bool
) -> None:
    pytest.importorskip("triton")
    with imagined_cuda(monkeypatch):
        cache = KeyValueCache(TINY, 16, 8, CUDA, dtype)
        writer = decoder.Decoder(model(dtype), cache, 8, 64, 4)
        with torch.no_grad(), Watched() as watched:
            writer._step(8, filtered)
    assert len(watched.done) > 100
    assert watched.crossings == []


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_prompts_and_sequences_are_processed_on_the_device(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    with imagined_cuda(monkeypatch), torch.no_grad():
        cache, own = KeyValueCache(TINY, 16, 8, CUDA, dtype), model(dtype)
        spans = [Span(np.arange(20, dtype=np.int32), 16, 20, [1, 2]), Span(np.arange(3), 0, 3, [3])]
        tokens, positions, attend = prefill_inputs(cache, spans, "varlen")
        with Watched() as watched:
            hidden = own.hidden(tokens, positions, attend)
        assert watched.crossings == []
        assert (hidden.shape, hidden.device, hidden.dtype) == ((7, TINY.hidden_size), CUDA, dtype)
        scorer = Scorer(own, head_size=TINY.head_size, token_budget=64)
        assert scorer.attention == "varlen"
        logprobs, entropy = scorer.forward([torch.zeros(n, dtype=torch.int64) for n in (5, 1, 3)], 0.7)
        assert {(one.device, one.dtype, one.shape) for one in (logprobs, entropy)} == {(CUDA, torch.float32, (9,))}


@contextmanager
def flash_on_the_processor() -> Iterator[list[str]]:
    """Replaces the kernels of `varlen_attn` with plain attention and records their calls."""
    calls: list[str] = []

    def forward(q: Tensor, k: Tensor, v: Tensor, *rest: Any, **sides: Any) -> tuple[Tensor, ...]:
        starts, key_starts, longest, longest_keys, dropout, is_causal, _ = rest
        assert starts.dtype == key_starts.dtype == torch.int32
        assert (longest, longest_keys) == (int(starts.diff().max()), int(key_starts.diff().max()))
        assert (dropout, is_causal, sides["window_size_left"], sides["window_size_right"]) == (0, True, -1, 0)
        assert q.stride(2) == k.stride(2) == v.stride(2) == 1
        calls.append("forward")
        none = torch.zeros(0)
        return slowly(q, k, v, starts, key_starts), none, torch.zeros(2, dtype=torch.uint64), none, none

    def backward(slope: Tensor, q: Tensor, k: Tensor, v: Tensor, *rest: Any, **_: Any) -> tuple[Tensor, ...]:
        _, _, starts, key_starts, *_ = rest
        calls.append("backward")

        def differentiate() -> tuple[Tensor, ...]:
            own = [x.detach().clone().requires_grad_() for x in (q, k, v)]
            return torch.autograd.grad(slowly(*own, starts, key_starts), own, slope)

        # Use another thread: inside autograd's dispatch, autograd is disabled in this one.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(differentiate).result()

    with torch.library._scoped_library("aten", "IMPL") as library:
        library.impl("_flash_attention_forward", forward, "CPU")
        library.impl("_flash_attention_backward", backward, "CPU")
        yield calls


def slowly(q: Tensor, k: Tensor, v: Tensor, starts: Tensor, key_starts: Tensor) -> Tensor:
    """Computes causal attention per sequence; the last query of a sequence is at its last key."""
    parts = [x.split(borders.diff().tolist()) for x, borders in ((q, starts), (k, key_starts), (v, key_starts))]
    found = []
    for one in zip(*parts, strict=True):
        mask = torch.ones(len(one[0]), len(one[1]), dtype=torch.bool).tril(len(one[1]) - len(one[0]))
        turned = (x.transpose(0, 1).float() for x in one)
        found.append(scaled_dot_product_attention(*turned, mask, enable_gqa=True).transpose(0, 1))
    return torch.cat(found).to(q.dtype).contiguous()


@pytest.mark.parametrize("checkpointed", [False, True])
def test_varlen_attention_gives_the_gradients_of_per_sequence_attention(checkpointed: bool) -> None:
    torch.manual_seed(1)
    batch = [
        TrainingSequence(torch.randint(60, (n,)), (torch.arange(n) > 0).float(), torch.randn(n), -torch.rand(n))
        for n in (9, 1, 20)
    ]
    gradients = []
    for kind in ("varlen", "per-sequence"):
        own = random_model(TINY, torch.device("cpu"), torch.bfloat16, seed=3)
        own.activation_checkpointing = checkpointed
        trainer = Trainer(own, own.weights, head_size=TINY.head_size, token_budget=64)
        trainer.scorer.attention = kind
        with flash_on_the_processor() as calls:
            trainer.forward_backward(batch, SPEC)
        layers = TINY.layers if kind == "varlen" else 0
        assert (calls.count("forward"), calls.count("backward")) == ((1 + checkpointed) * layers, layers)
        assert trainer.gradients is not None
        gradients.append(trainer.gradients)
    for name, value in gradients[0].items():
        assert torch.allclose(value, gradients[1][name], atol=0.02, rtol=0.02)


def test_varlen_attention_passes_its_self_test() -> None:
    with flash_on_the_processor() as calls:
        assert packed_attention._agrees(torch.device("cpu"), torch.bfloat16, 16)
    assert calls == ["forward", "backward"] * 2


class ImaginedStreams:
    """Fakes the streams of `torch.cuda`. As in PyTorch, a failing capture leaves its stream current."""

    def __init__(self, fails: bool) -> None:
        self.fails, self.current, self.log = fails, "default", [""]
        self.made = 0

    def put_in_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("Stream", "stream", "graph", "CUDAGraph", "current_stream"):
            monkeypatch.setattr(torch.cuda, name, getattr(self, name))

    def Stream(self) -> Any:
        self.made += 1
        return SimpleNamespace(name=f"side {self.made}", wait_stream=lambda _: None)

    def CUDAGraph(self) -> Any:
        return SimpleNamespace(pool=lambda: "pool", replay=lambda: self.log.append(f"replay on {self.current}"))

    def current_stream(self) -> Any:
        return SimpleNamespace(name=self.current, wait_stream=lambda other: self.log.append(f"wait for {other.name}"))

    @contextmanager
    def stream(self, other: Any) -> Iterator[None]:
        before, self.current = self.current, other.name
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, _: Any, pool: Any, stream: Any) -> Iterator[None]:
        before, self.current = self.current, stream.name
        self.log.append(f"capture into {pool} on {self.current}")
        yield
        if self.fails:
            self.current = "lost"
            raise RuntimeError("operation not permitted when stream is capturing")
        self.current = before


def step_on(streams: ImaginedStreams) -> Callable[[int, bool], None]:
    return lambda rows, _: streams.log.append(f"{rows} rows on {streams.current}")


def test_steps_are_captured_once_on_a_single_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = ImaginedStreams(fails=False)
    streams.put_in_place(monkeypatch)
    graphs = StepGraphs(step_on(streams), captures=True)
    for rows in (4, 8):
        assert not graphs.is_ready(rows, False)
        graphs.prepare(rows, False)
        graphs.run(rows, False)
    assert graphs.count == 2
    assert [line for line in streams.log if "capture" in line] == [
        "capture into None on side 1",
        "capture into pool on side 1",
    ]
    assert streams.log.count("8 rows on side 1") == 3
    assert streams.log.count("replay on default") == 2
    assert streams.log[-2:] == ["wait for side 1", "replay on default"]


def test_a_failing_capture_falls_back_to_plain_calls_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    streams = ImaginedStreams(fails=True)
    streams.put_in_place(monkeypatch)
    graphs = StepGraphs(step_on(streams), captures=True)
    graphs.prepare(4, False)
    graphs.run(4, False)
    assert streams.log[-1] == "4 rows on default"
    assert graphs.is_ready(99, True)
    assert "CUDA graphs are unavailable" in capfd.readouterr().err


def test_slower_fallbacks_are_logged(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def no_compiler(*_: object) -> bool:
        raise RuntimeError("Failed to find C compiler")

    monkeypatch.setattr(paged_attention, "triton_agrees", no_compiler)

    def older(*_: object) -> bool:
        raise TypeError("varlen_attn() got an unexpected keyword argument 'enable_gqa'")

    monkeypatch.setattr(packed_attention, "_agrees", older)
    choose_attention.cache_clear()
    there: Any = SimpleNamespace(keys=SimpleNamespace(device=CUDA))
    assert choose_decode_attention(there, 4) == "torch"
    assert "much slower (RuntimeError: Failed to find C compiler)" in capfd.readouterr().err
    for _ in range(2):
        assert choose_attention(CUDA, torch.bfloat16, 64) == "per-sequence"
    assert capfd.readouterr().err.count("torch.nn.attention.varlen is unavailable") == 1
    choose_attention.cache_clear()
