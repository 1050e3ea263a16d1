"""The part of pytest that published tests use: raises, approx, parametrize, fixtures. Only the judge provides it.

Tests that use any other name from pytest are broken: the problem is then ungradable, and no program counts as wrong.
"""

import math
import re
import sys
import types

from test_runner import BrokenTests


class Raises:
    """`with raises(Kind, match=...) as info`: the block must raise that kind of error."""

    def __init__(self, expected, match=None):
        self.expected, self.match = expected, match
        self.type = self.value = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if kind is None:
            raise AssertionError(f"expected an error ({self.expected}), got none")
        if not issubclass(kind, self.expected):
            return False
        self.type, self.value = kind, error
        if self.match is not None and not re.search(self.match, str(error)):
            raise AssertionError(f"expected an error that matches {self.match!r}, got {str(error)!r}")
        return True


def raises(expected, *call, match=None, **options):
    """Returns a context manager; with a function and its arguments, checks that call."""
    if not call:
        return Raises(expected, match)
    with Raises(expected, match) as info:
        call[0](*call[1:], **options)
    return info


class approx:
    """Equals numbers within max(rel * |expected|, abs), and sequences and dictionaries of such numbers."""

    def __init__(self, expected, rel=None, abs=None, nan_ok=False):
        self.expected, self.rel, self.abs, self.nan_ok = expected, rel, abs, nan_ok

    def __eq__(self, value):
        return self._same(value, self.expected)

    def __ne__(self, value):
        return not self == value

    __hash__ = None

    def _same(self, value, expected):
        if isinstance(expected, dict):
            is_alike = isinstance(value, dict) and value.keys() == expected.keys()
            return is_alike and all(self._same(value[key], expected[key]) for key in expected)
        if isinstance(expected, (list, tuple)):
            return isinstance(value, (list, tuple)) and len(value) == len(expected) and all(map(self._same, value, expected))
        if not isinstance(value, (int, float, complex)) or not isinstance(expected, (int, float, complex)):
            return value == expected
        if value == expected:
            return True
        if isinstance(expected, float) and math.isnan(expected):
            return self.nan_ok and isinstance(value, float) and math.isnan(value)
        if isinstance(expected, float) and math.isinf(expected):
            return False
        relative = 1e-6 if self.rel is None and self.abs is None else self.rel or 0
        absolute = 1e-12 if self.abs is None else self.abs
        return abs(value - expected) <= max(relative * abs(expected), absolute)

    def __repr__(self):
        return f"approx({self.expected!r})"


class Marks:
    """Implements `mark.parametrize` and `mark.skip`; other marks change nothing."""

    def parametrize(self, names, rows, **_):
        """Runs the test once for each row; with several of these decorators, it runs once for each
        combination of rows."""
        keys = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
        sets = [dict(zip(keys, row if len(keys) > 1 else [row])) for row in map(_row, rows)]

        def mark(test):
            others = getattr(test, "parameter_sets", [{}])
            test.parameter_sets = [{**one, **other} for other in others for one in sets]
            return test

        return mark

    def skip(self, test=None, **_):
        """Skips the test."""
        return skip if callable(test) else lambda _: _skipped

    def __getattr__(self, _):
        def mark(*given, **options):
            is_bare = len(given) == 1 and callable(given[0]) and not options
            return given[0] if is_bare else lambda test: test

        return mark


class Row(tuple):
    """`param(...)`: one row with an id or marks, which are ignored."""


def param(*values, **_):
    """A row of `parametrize`."""
    return Row(values)


def _row(row):
    return row[0] if isinstance(row, Row) and len(row) == 1 else row


fixtures = {}


def fixture(function=None, *, name=None, **_):
    """Creates the value that a test requests by the name of an argument; each test gets a new value."""

    def keep(made):
        fixtures[name or made.__name__] = made
        return made

    return keep if function is None else keep(function)


def fail(reason="", **_):
    """Fails the test."""
    raise AssertionError(reason)


def skip(reason="", **_):
    """Skips the test."""
    import unittest

    raise unittest.SkipTest(reason)


def _skipped():
    skip()


def main(*_, **__):
    """Does nothing: the judge runs the tests one by one."""
    return 0


def install():
    """Makes `import pytest` find this module; every missing name is an error of the tests."""
    module = types.ModuleType("pytest")
    module.__dict__.update({name: globals()[name] for name in "raises approx param fixture fixtures fail skip main".split()})
    module.mark = Marks()

    def missing(name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise BrokenTests(f"the tests need pytest.{name}")

    module.__getattr__ = missing
    sys.modules["pytest"] = module
