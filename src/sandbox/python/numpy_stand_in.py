"""The part of numpy that HumanEval+ and MBPP+ tests use: comparing numbers with a tolerance.

Only the judge provides it, unless the sandbox declares the real numpy. Tests that use any other name from numpy are
broken. Programs that import numpy get an ImportError.
"""

import math
import sys
import types

from test_runner import BrokenTests

DECLARE = 'declare numpy with the sandbox (packages: ["numpy"])'
float32 = float64 = float


class ndarray:
    """A class for isinstance checks. It has no instances, because programs return plain data."""


def isclose(value, expected, rtol=1e-05, atol=1e-08):
    """Applies numpy's asymmetric rule to two numbers: |value - expected| <= atol + rtol * |expected|."""
    if math.isinf(value) or math.isinf(expected):
        return value == expected
    return abs(value - expected) <= atol + rtol * abs(expected)


def allclose(value, expected, rtol=1e-05, atol=1e-08):
    """Returns whether all numbers of two equally shaped values are close; other data must be equal."""
    if isinstance(value, (list, tuple)) and isinstance(expected, (list, tuple)):
        return len(value) == len(expected) and all(allclose(*pair, rtol, atol) for pair in zip(value, expected))
    if isinstance(value, (int, float)) and isinstance(expected, (int, float)):
        return isclose(value, expected, rtol, atol)
    return value == expected


def assert_allclose(value, expected, rtol=1e-07, atol=0):
    """Asserts `allclose`, as in numpy.testing."""
    assert allclose(value, expected, rtol, atol), f"{value!r} is not close to {expected!r}"


def install():
    """Makes `import numpy` find this module if the real one is missing."""
    try:
        import numpy  # noqa: F401
    except ImportError:
        this = sys.modules[__name__]
        this.testing = types.SimpleNamespace(assert_allclose=assert_allclose)
        this.__getattr__ = _missing
        sys.modules["numpy"] = this


def _missing(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise BrokenTests(f"the tests need numpy.{name}: {DECLARE}")
