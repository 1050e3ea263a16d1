"""Attention over cache blocks. The Triton kernel runs in Triton's interpreter."""

import os
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from gradus_worker.model.config import AttentionRules, ModelConfig
from gradus_worker.sampling.kv_cache import KeyValueCache
from gradus_worker.sampling.paged_attention import Span, decode_attention, prefill_inputs, triton_agrees

CPU = torch.device("cpu")


def config(heads: int, key_heads: int, size: int) -> ModelConfig:
    return ModelConfig("llama", 10, heads * size, 2, heads, key_heads, size, 8, 1e-6, 1e4, None, 512, True)


def whole(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Computes causal attention of queries [T, H, d] at the last positions of k and v."""
    mask = torch.ones(len(q), len(k), dtype=torch.bool).tril(len(k) - len(q))
    turned = (x.transpose(0, 1).float() for x in (q, k, v))
    return scaled_dot_product_attention(*turned, mask, enable_gqa=True).transpose(0, 1).to(q.dtype)


@pytest.mark.parametrize("cuts", [[], [1], [16], [5, 33]])
def test_prompts_read_in_pieces_equal_prompts_read_at_once(cuts: list[int]) -> None:
    torch.manual_seed(1)
    cache = KeyValueCache(config(4, 2, 8), 16, 12, CPU, torch.float32)
    blocks = [[3, 7, 1], [5, 2]]
    lengths = [40, 20]
    data = [[torch.randn(n, heads, 8) for heads in (4, 2, 2)] for n in lengths]
    tokens = [np.arange(n, dtype=np.int32) for n in lengths]
    found: list[list[Tensor]] = [[], []]
    borders = [0, *cuts, 40]
    for start, end in pairwise(borders):
        used = [i for i in (0, 1) if start < lengths[i]]
        pieces = [Span(tokens[i], start, min(end, lengths[i]), blocks[i]) for i in used]
        _, positions, attend = prefill_inputs(cache, pieces, "per-sequence")
        assert positions[0] == start
        packed = [torch.cat([data[i][x][p.start : p.end] for i, p in zip(used, pieces, strict=True)]) for x in range(3)]
        for i, part in zip(used, attend(1, *packed).split([p.end - p.start for p in pieces]), strict=True):
            found[i].append(part)
    for i in (0, 1):
        assert torch.allclose(torch.cat(found[i]), whole(*data[i]), atol=1e-6)


@pytest.fixture
def few_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Splits rows into few shares: Triton's interpreter needs about 10 ms for each program."""
    if interprets():
        from gradus_worker.sampling import paged_attention_triton

        monkeypatch.setattr(paged_attention_triton, "_PROGRAMS", 16)


@pytest.mark.usefixtures("few_shares")
@pytest.mark.parametrize("rules", [AttentionRules(21, (1,)), AttentionRules(cap=0.7), AttentionRules(3, (0, 1), 2.0)])
def test_triton_follows_windows_and_caps_as_torch_does(rules: AttentionRules) -> None:
    torch.manual_seed(6)
    cache = KeyValueCache(config(4, 2, 16), 16, 12, CPU, torch.float32)
    cache.keys.normal_()
    cache.values.normal_()
    table = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0], [7, 8, 9, 10]], dtype=torch.int32)
    positions = torch.tensor([49, 0, 31])
    data = [torch.randn(3, heads, 16) for heads in (4, 2, 2)]
    plain = decode_attention(cache, table, positions, "torch")(1, *data)
    found = [decode_attention(cache, table, positions, kind, rules)(1, *data) for kind in ("torch", "triton")]
    assert torch.allclose(*found, atol=1e-5)
    assert not torch.allclose(found[0], plain, atol=1e-3)
    assert triton_agrees(cache, 4, rules)


@pytest.mark.parametrize("kind", ["torch", "triton"])
@pytest.mark.parametrize(
    ("heads", "key_heads", "size", "dtype"),
    [(4, 2, 8, torch.float32), (6, 2, 64, torch.float16), (3, 3, 24, torch.float32), (17, 1, 16, torch.float32)],
)
def test_decoding_attends_to_all_positions_up_to_its_own(
    request: pytest.FixtureRequest, kind: str, heads: int, key_heads: int, size: int, dtype: torch.dtype
) -> None:
    if kind == "triton" and not interprets():
        pytest.skip("triton is not installed")
    if key_heads > 1:
        request.getfixturevalue("few_shares")
    torch.manual_seed(size)
    lengths = [1, 16, 17, 50]
    cache = KeyValueCache(config(heads, key_heads, size), 16, 40, CPU, dtype)
    table = torch.zeros(len(lengths), 5, dtype=torch.int32)
    data = [[torch.randn(n, h, size, dtype=dtype) for h in (heads, key_heads, key_heads)] for n in lengths]
    cache.keys[:], cache.values[:] = 100, 100
    for row, (n, (_, k, v)) in enumerate(zip(lengths, data, strict=True)):
        blocks = cache.take(-(-n // 16))[::-1]
        table[row, : len(blocks)] = torch.tensor(blocks)
        places = torch.tensor([blocks[i // 16] * 16 + i % 16 for i in range(n - 1)], dtype=torch.int64)
        cache.write(1, places, k[:-1], v[:-1])
    attend = decode_attention(cache, table, torch.tensor(lengths) - 1, kind)
    # As in the model, q is a view of a larger tensor.
    joined = torch.stack([torch.cat([q[-1], k[-1]]) for q, k, _ in data])
    values = torch.stack([v[-1] for _, _, v in data])
    found = attend(1, joined[:, :heads], joined[:, heads:], values)
    expected = torch.stack([whole(q[-1:], k, v)[0] for q, k, v in data])
    tolerance = 1e-5 if dtype == torch.float32 else 3e-3
    assert (found - expected).abs().max() < tolerance


@pytest.mark.parametrize("splits", [1, 2, 8])
def test_the_number_of_splits_does_not_change_results(splits: int) -> None:
    if not interprets():
        pytest.skip("triton is not installed")
    from gradus_worker.sampling.paged_attention_triton import paged_attention, splits_for

    torch.manual_seed(splits)
    q, keys, values = torch.randn(3, 4, 16), torch.randn(9, 32, 2, 16), torch.randn(9, 32, 2, 16)
    keys[0] = values[0] = float("nan")
    table = torch.tensor([[5, 1, 8, 2], [3, 0, 0, 0], [4, 7, 0, 0]], dtype=torch.int32)
    lengths = torch.tensor([128, 1, 40], dtype=torch.int32)
    found = paged_attention(q, keys, values, table, lengths, splits)
    for row, n in enumerate(lengths.tolist()):
        k, v = (x[table[row].long()].reshape(-1, 2, 16)[:n] for x in (keys, values))
        assert torch.allclose(found[row], whole(q[row : row + 1], k, v)[0], atol=1e-5)
    assert splits_for(2) == 64
    assert splits_for(128) == 8
    assert splits_for(512) == 2
    assert splits_for(1024) == 1


def test_a_kernel_with_wrong_results_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    if not interprets():
        pytest.skip("triton is not installed")
    from gradus_worker.sampling import paged_attention_triton

    cache = KeyValueCache(config(4, 2, 8), 16, 4, CPU, torch.float32)
    assert triton_agrees(cache, 4)
    right = paged_attention_triton.paged_attention
    monkeypatch.setattr(paged_attention_triton, "paged_attention", lambda *given, **more: right(*given, **more) * 1.01)
    assert not triton_agrees(cache, 4)


def interprets() -> bool:
    """Returns whether Triton is installed and runs kernels on the CPU, as `conftest.py` requests."""
    assert os.environ["TRITON_INTERPRET"] == "1"
    return find_spec("triton") is not None


def test_blocks_are_free_after_their_last_holder_releases_them() -> None:
    cache = KeyValueCache(config(2, 1, 8), 16, 5, CPU, torch.float32)
    first = cache.take(3)
    assert sorted(first) == [1, 2, 3]
    cache.share(first[:2])
    cache.release(first)
    assert cache.available == 3
    assert not set(cache.take(3)) & set(first[:2])
    with pytest.raises(ValueError, match="at most 0 blocks"):
        cache.take(1)
    cache.release(first[:2])
    assert sorted(cache.take(2)) == sorted(first[:2])


def test_a_growing_cache_keeps_its_content() -> None:
    cache = KeyValueCache(config(2, 1, 8), 16, 100, CPU, torch.float32)
    (first,) = cache.take(1)
    places = torch.arange(16) + first * 16
    k, v = torch.randn(2, 16, 1, 8)
    cache.write(1, places, k, v)
    assert len(cache.take(99)) == 99
    for found, written in zip(cache.read(1, places), (k, v), strict=True):
        assert torch.equal(found, written)
    cache.copy(first, 77)
    assert torch.equal(cache.keys[1, 77], k)
    cache.share([77])
    cache.clear([first, 77])
    assert not cache.keys[:, first].any()
    assert torch.equal(cache.values[1, 77], v)
