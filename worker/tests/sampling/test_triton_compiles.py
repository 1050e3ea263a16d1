"""The kernels compile to machine code for common GPUs. The test needs no GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

COMPILE = """
import json, sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from gradus_worker.sampling import paged_attention_triton

attend = dict(GROUP=6, GROUP_PADDED=16, SIZE=128, SIZE_PADDED=128, BLOCK=64, SPLITS=4)
join = {name: attend[name] for name in ("SIZE", "SIZE_PADDED", "SPLITS")}
others = dict(table="*i32", lengths="*i32", parts="*fp32", sums="*fp32")
numbers = dict(scale="fp32", cap="fp32", window="i32", q_stride="i32", table_stride="i32")
plain = ("scale", "cap", "window")
for dtype, capability, kind in json.loads(sys.argv[1]):
    half = dict.fromkeys(("q", "keys", "values"), f"*{dtype}")
    rules = dict(HAS_WINDOW=kind == "rules", HAS_CAP=kind == "rules")
    for kernel, types, constants, stages in (
        (paged_attention_triton._attend, half | others | numbers, attend | rules, 3),
        (paged_attention_triton._join, dict(parts="*fp32", sums="*fp32", out=f"*{dtype}"), join, 1),
    ):
        # Alignment at launch: storage begins at multiples of 16 bytes, rows of queries are multiples of 16 long.
        aligned = {(at,): [["tt.divisibility", 16]] for at, name in enumerate(types) if name not in plain}
        source = ASTSource(kernel, types | dict.fromkeys(constants, "constexpr"), constants, aligned)
        options = dict(num_warps=4, num_stages=stages)
        compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
        copies = compiled.asm["ttgir"].count("async_copy_global_to_local")
        print(json.dumps({"code": len(compiled.asm["cubin"]), "shared": compiled.metadata.shared, "copies": copies}))
"""


CASES = [("fp16", 80, "plain"), ("bf16", 90, "plain"), ("bf16", 120, "plain"), ("bf16", 90, "rules")]


@pytest.fixture(scope="module")
def compiled() -> list[dict[str, int]]:
    """Returns measurements of both kernels for each case, compiled in one process that does not interpret Triton."""
    if find_spec("triton") is None:
        pytest.skip("triton is not installed")
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-c", COMPILE, json.dumps(CASES)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.parametrize(("dtype", "capability", "rules"), CASES)
def test_kernels_compile(compiled: list[dict[str, int]], dtype: str, capability: int, rules: str) -> None:
    """Uses the heads of Qwen2.5 1.5B: six share a key head of size 128. Keys and values are prefetched, and two
    programs fit the smallest shared memory of these GPUs, 99 KiB.
    """
    place = 2 * CASES.index((dtype, capability, rules))
    attend, join = compiled[place : place + 2]
    assert min(attend["code"], join["code"]) > 1000
    assert attend["copies"] >= 3
    assert attend["shared"] <= 99 * 1024 // 2
