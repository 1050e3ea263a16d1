"""Loaded once per lane, before any fork: what programs import most, and every shared library they may come to need.

Programs cannot open shared libraries (nothing of the host is readable but the interpreter's own library), so extension
modules that need one must already be mapped.
"""

import ctypes

for _name in (
    "array bisect bz2 calendar cmath collections collections.abc contextlib copy csv dataclasses datetime decimal enum "
    "fractions functools hashlib heapq io itertools json lzma math numbers operator pickle queue random re statistics "
    "string struct textwrap threading time traceback types typing unicodedata zlib"
).split():
    try:
        __import__(_name)
    except ImportError:
        pass  # an interpreter built without it: programs see the same ImportError

# One or two allocation arenas: each reserves 64 MiB of address space, which the memory limit counts.
_mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
if _mallopt is not None:
    _mallopt(-8, 2)
