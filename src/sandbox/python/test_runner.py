"""Runs tests written for unittest or pytest, one at a time, inside the judge's process."""

import sys
import types


class BrokenTests(BaseException):
    """The tests cannot run here, so no program could pass them. A BaseException, so that tests that catch errors do not
    catch it."""


class SolutionModule(types.ModuleType):
    """The module that `from solution import name` finds in tests. Its names are those of the program, which runs in
    another process."""

    __all__ = ()

    def __init__(self, ask):
        super().__init__("solution")
        self.__dict__["_ask"] = ask

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._ask(name)


def run_test(target, method=None):
    """Runs a test function, or one method of a test class (unittest's or plain); raises what the test raises."""
    import unittest

    try:
        if method is None:
            _run_function(target)
        elif isinstance(target, type) and issubclass(target, unittest.TestCase):
            _run_unittest(target, method)
        else:
            _run_method(target, method)
    except unittest.SkipTest:
        pass


def _run_unittest(case, method):
    case.setUpClass()
    try:
        case(method).debug()
    finally:
        case.tearDownClass()
        case.doClassCleanups()


def _run_method(kind, method):
    instance = kind()
    for prepare in ("setup_class", "setup_method", "setup"):
        if hasattr(instance, prepare):
            getattr(instance, prepare)()
    _run_function(getattr(instance, method))


def _run_function(function):
    """Calls a test function once for each of its parameter sets, with the fixtures it names."""
    fixtures = getattr(sys.modules.get("pytest"), "fixtures", {})
    for parameters in getattr(function, "parameter_sets", None) or [{}]:
        closing = []
        arguments = _arguments(function, parameters, fixtures, closing)
        try:
            _finish(function(**arguments))
        finally:
            for generator in reversed(closing):
                next(generator, None)


def _arguments(function, parameters, fixtures, closing):
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    optional = len(function.__defaults__ or ())
    required = [name for name in names[: code.co_argcount - optional] if name not in ("self", "cls")]
    arguments = {name: value for name, value in parameters.items() if name in names}
    for name in required:
        if name in arguments:
            continue
        if name not in fixtures:
            raise BrokenTests(f"the tests need pytest's fixture {name}")
        made = fixtures[name](**_arguments(fixtures[name], {}, fixtures, closing))
        if isinstance(made, types.GeneratorType):
            closing.append(made)
            made = next(made)
        arguments[name] = made
    return arguments


def _finish(result):
    """Awaits the result of an asynchronous test."""
    if isinstance(result, types.CoroutineType):
        import asyncio

        asyncio.run(result)
