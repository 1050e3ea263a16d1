"""Judges a JSON list of {gold, pred} with Math-Verify and prints [{isEqual, ms}]; exits 1 if it is not installed."""

import json
import sys
import time

try:
    from math_verify import parse, verify
except ImportError:
    sys.exit(1)


def judge(gold: str, pred: str) -> bool:
    wrapped = gold if "$" in gold or "\\boxed" in gold or "\\(" in gold else f"${gold}$"
    return verify(parse(wrapped), parse(pred))


def main() -> None:
    verdicts = []
    for case in json.load(sys.stdin):
        start = time.perf_counter()
        try:
            is_equal = judge(case["gold"], case["pred"])
        except Exception:
            is_equal = False
        verdicts.append({"isEqual": bool(is_equal), "ms": (time.perf_counter() - start) * 1000})
    print(json.dumps(verdicts))


main()
