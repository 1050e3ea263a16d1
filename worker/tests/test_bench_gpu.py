"""Smoke test of bench/gpu at toy sizes."""

import json
import subprocess
import sys
from pathlib import Path

BENCHES = Path(__file__).parents[2] / "bench" / "gpu"


def test_benches_run_at_toy_sizes() -> None:
    names = ["peak-rates", "decode", "training", "step"]
    run = subprocess.run([sys.executable, BENCHES, "--toy", *names], capture_output=True, text=True, check=True)
    found = json.loads(run.stdout.splitlines()[-1])
    assert all(f"{name}: " in run.stdout for name in names)
    assert [row["batch"] for row in found["decode"]] == [4, 8]
    assert all(0 < row["of the roof"] < 1.5 for row in found["decode"])
    assert len(found["training"]) == 4
    assert all(0 < row["MFU"] < 1.5 for row in found["training"])
    assert {"writing", "gradient", "update", "whole step"} <= {row["part"] for row in found["step"]}


def test_an_unknown_bench_is_rejected() -> None:
    run = subprocess.run([sys.executable, BENCHES, "speed"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "expected peak-rates, decode, training, step, peers, got speed" in run.stderr
