"""Loaded once per lane, before any fork: what programs import most. More would make every fork dearer (page tables).

Programs cannot open shared libraries (nothing of the host is readable but the interpreter's own library), so extension
modules that need one which is not mapped here (ssl, sqlite3, lzma) answer ImportError; hashlib does without OpenSSL.
"""

import ctypes

for _name in (
    "_sitebuiltins bisect cmath collections collections.abc copy datetime decimal fractions functools heapq io itertools "
    "json math operator random re statistics string threading time types typing zlib"
).split():
    try:
        __import__(_name)
    except ImportError:
        pass  # an interpreter built without it: programs see the same ImportError

# One or two allocation arenas: each reserves 64 MiB of address space, which the memory limit counts.
_mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
if _mallopt is not None:
    _mallopt(-8, 2)
