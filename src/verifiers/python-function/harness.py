"""Calls one function of a user's file repeatedly. Needs only Python 3.9 or newer.

Standard input and descriptor 3 carry one JSON value per line. First request: {"file", "function", "maxLoadSeconds",
"maxSeconds", "sources"?}; its reply: the loaded function (see describe) or {"refused", "at"}. Each later request
contains keyword arguments; its reply: {"score", "details"} or {"error", "at"}. Exits at end of input, or at a time
limit.
"""

import ast
import base64
import importlib.machinery
import importlib.util
import inspect
import json
import math
import os
import platform
import sys
import traceback

BRIDGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "bridge")
sys.path.insert(0, BRIDGE)

import gradus_lines  # noqa: E402
from gradus_lines import MAX_TEXT, limited, send, take_streams, text_of  # noqa: E402

MAX_DETAILS = 50
MAX_DEPTH = 8
# Other JSON parsers lose digits of larger integers.
MAX_SAFE_INTEGER = 2**53


def main():
    requests, replies, trouble = take_streams()
    setup = json.loads(requests.readline())
    sources = {}
    try:
        with limited(setup["maxLoadSeconds"], trouble):
            sources.update(given_sources(setup) or local_sources(setup["file"]))
            function = load(setup, sources)
            about = describe(function, sources)
    except BaseException as error:
        send(replies, {"refused": said_by(error), "at": place_of(error, sources)})
        return
    send(replies, about)
    for line in requests:
        try:
            with limited(setup["maxSeconds"], trouble):
                reply = read_result(call(function, json.loads(line)))
        except BaseException as error:
            reply = {"error": said_by(error), "at": place_of(error, sources)}
        send(replies, reply)


class Refused(Exception):
    """The file contains no usable reward function."""


def load(setup, sources):
    if sys.version_info < (3, 9):  # noqa: UP036 -- the user's interpreter, not ours
        raise Refused(f"expected Python 3.9 or newer, got {platform.python_version()}")
    file, name = setup["file"], setup["function"]
    own_folder = os.path.dirname(os.path.abspath(__file__))
    # Register it under the file's name, since processes that the function starts may import it again.
    stem = os.path.splitext(os.path.basename(file))[0]
    if stem in getattr(sys, "stdlib_module_names", ()):
        # Load Python's module first, so that `import math` still finds it next to a reward file called math.py.
        importlib.import_module(stem)
    own_name = "reward_function" if stem in sys.modules else stem
    sys.argv = [file]
    sys.path[:] = [os.path.dirname(file), *(path for path in sys.path if path not in (own_folder, BRIDGE))]
    keep_to(sources)
    loader = importlib.machinery.SourceFileLoader(own_name, file)
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(own_name, file, loader=loader))
    sys.modules[own_name] = module
    loader.exec_module(module)
    function = getattr(module, name, None)
    if callable(function):
        return function
    own = [key for key, value in vars(module).items() if inspect.isfunction(value) and value.__module__ == own_name]
    raise Refused(f'expected a function "{name}", found {", ".join(own) or "no functions"}')


def describe(function, sources):
    kinds = inspect.Parameter
    parameters = inspect.signature(function).parameters.values()
    return {
        "version": platform.python_version(),
        "interpreter": sys.executable,
        "parameters": [
            {"name": one.name, "isRequired": one.default is kinds.empty}
            for one in parameters
            if one.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
        ],
        "takesAny": any(one.kind is kinds.VAR_KEYWORD for one in parameters),
        "sources": {path: base64.b64encode(text).decode() for path, text in sources.items()},
    }


# Source files that can affect a verdict: the file and its local imports.


def given_sources(setup):
    return {path: base64.b64decode(text) for path, text in setup.get("sources", {}).items()}


def local_sources(file):
    """Returns path -> text for the file and all its direct and indirect imports from its folder."""
    folder, found, waiting = os.path.dirname(file), {}, [file]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        with open(path, "rb") as source:
            found[path] = source.read()
        try:
            tree = ast.parse(found[path], path)
        except (SyntaxError, ValueError):
            continue  # Loading reports it, with its line.
        waiting += filter(os.path.isfile, imported_files(tree, path, folder))
    return found


def imported_files(tree, path, folder):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from files_along(folder, alias.name)
        elif isinstance(node, ast.ImportFrom):
            start = folder
            if node.level > 0:
                start = os.path.normpath(os.path.join(os.path.dirname(path), *[".."] * (node.level - 1)))
            for alias in node.names:
                yield from files_along(start, ".".join(filter(None, (node.module, alias.name))))


def files_along(start, dotted):
    """Yields the files that importing a.b.c runs: a, a.b and a.b.c."""
    path = start
    for part in dotted.split("."):
        path = os.path.join(path, part)
        yield path + ".py"
        yield os.path.join(path, "__init__.py")


def keep_to(sources):
    """Makes imports of these files run the text given here, so edits during a run do not change the verifier."""
    load_code = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader, name):
        text = sources.get(loader.path)
        return load_code(loader, name) if text is None else loader.source_to_code(text, loader.path)

    importlib.machinery.SourceFileLoader.get_code = get_code


# Reading the results of the function.


def call(function, arguments):
    result = function(**arguments)
    return run(result) if inspect.isawaitable(result) else result


def run(awaitable):
    import asyncio

    async def finish():
        return await awaitable

    if not hasattr(run, "loop"):
        run.loop = asyncio.new_event_loop()
    return run.loop.run_until_complete(finish())


def read_result(result):
    """Accepts what verl and TRL accept: a number, a dict with a "score", or a list of one of these."""
    one = unwrapped(result)
    if not isinstance(one, dict):
        return {"score": read_score(one), "details": {}}
    if "score" not in one:
        raise ValueError(f'expected a "score" in the dict, got {", ".join(map(str, one)) or "nothing"}')
    details = [(key, value) for key, value in one.items() if key != "score"][:MAX_DETAILS]
    score = read_score(unwrapped(one["score"]))
    return {"score": score, "details": {text_of(key): detail(value) for key, value in details}}


def unwrapped(value):
    """Unwraps a one-element list; converts numbers from numpy and torch to Python's."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) != 1:
        raise ValueError(f"expected one score for one completion, got a {type(value).__name__} of {len(value)}")
    return unwrapped(value[0])


def read_score(score):
    """Returns a score as a float; None for None and NaN, which mean that the completion was not judged."""
    if score is None:
        return None
    if not isinstance(score, (bool, int, float)):
        raise TypeError(f"expected a number as score, got {type(score).__name__} {text_of(score)[:80]}")
    if math.isinf(score):
        raise ValueError(f"expected a finite score, got {score}")
    return None if math.isnan(score) else float(score)


def detail(value):
    plain = plain_of(value, 0)
    text = json.dumps(plain)
    return plain if len(text) <= MAX_TEXT else text_of(value)


def plain_of(value, depth):
    """Converts to JSON types; values without a JSON form become strings."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if depth < MAX_DEPTH:
        if hasattr(value, "tolist"):
            return plain_of(value.tolist(), depth + 1)
        if isinstance(value, (list, tuple)):
            return [plain_of(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {text_of(key): plain_of(item, depth + 1) for key, item in value.items()}
    return text_of(value)


# Errors.


def said_by(error):
    if isinstance(error, Refused):
        return str(error)
    return gradus_lines.said_by(error)


def place_of(error, sources):
    """Returns the locations of the last calls in the user's files, innermost last."""
    if isinstance(error, SyntaxError) and error.filename in sources:
        return [f"{error.filename}:{error.lineno}"]
    frames = ((frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__))
    return [f"{code.co_filename}:{line} in {code.co_name}" for code, line in frames if code.co_filename in sources][-3:]


if __name__ == "__main__":
    gradus_lines.run_alone(main)
