"""Imports the modules that programs import most, once per lane and before any fork. More modules would make each fork
slower (page tables).

Programs can read only the interpreter's library, not shared libraries of the host. So extension modules that need a
library that is not mapped here (ssl, sqlite3, lzma) raise ImportError; hashlib works without OpenSSL.
"""

import ctypes

for _name in (
    "_sitebuiltins bisect cmath collections collections.abc copy datetime decimal fractions functools heapq io itertools "
    "json math operator random re statistics string threading time types typing zlib"
).split():
    try:
        __import__(_name)
    except ImportError:
        pass  # the interpreter was built without it; programs get the same ImportError

# Use at most two allocation arenas: each reserves 64 MiB of address space, which counts towards the memory limit.
_mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
if _mallopt is not None:
    _mallopt(-8, 2)
