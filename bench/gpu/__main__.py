"""`python bench/gpu [--toy] [bench …]`: speed of the PyTorch engine compared with the device and with peers.

Requires `worker/requirements.txt`; the bench `peers` also requires `trl`. `--toy` uses sizes that a CPU handles in
seconds, as a smoke test; its figures are meaningless. `--out FILE` writes the figures as JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from decode import bench_decode
from grpo_step import bench_grpo_step
from peers import bench_peers
from setting import Row, Setting, open_setting, show_table
from training import bench_training


def bench_peak_rates(setting: Setting) -> list[Row]:
    """Measures the two peak rates, the denominators of all reported fractions."""
    peak_rates = setting.peak_rates
    return [{"product TFLOP/s": peak_rates.product_flops / 1e12, "copy GB/s": peak_rates.copy_bytes / 1e9}]


benches: dict[str, Callable[[Setting], list[Row]]] = {
    "peak-rates": bench_peak_rates,
    "decode": bench_decode,
    "training": bench_training,
    "step": bench_grpo_step,
    "peers": bench_peers,
}


def main() -> None:
    """Runs the named benches, or all; prints the tables at the end."""
    words = argparse.ArgumentParser(prog="python bench/gpu", description=__doc__.splitlines()[0])
    words.add_argument("bench", nargs="*", help=f"{', '.join(benches)}; default: all")
    words.add_argument("--toy", action="store_true", help="tiny sizes, for a smoke test on a CPU")
    words.add_argument("--out", type=Path, help="write all figures to this file, as JSON")
    asked = words.parse_args()
    unknown = set(asked.bench) - set(benches)
    if unknown:
        words.error(f"expected {', '.join(benches)}, got {', '.join(sorted(unknown))}")
    setting = open_setting(asked.toy)
    found = {name: benches[name](setting) for name in asked.bench or benches}
    print(setting.machine)
    for name, rows in found.items():
        show_table(f"{name}: {benches[name].__doc__}", rows)
    text = json.dumps({"machine": setting.machine, "toy": setting.is_toy, **found})
    if asked.out is not None:
        asked.out.write_text(text)
    print(text)


main()
