"""Encodes the values exchanged by judge and program, as JSON in which every object is tagged with its type.

    7, "x", true, null, [1, 2]      themselves
    {"tuple": [..]}  {"set": [..]}  {"dict": [[key, value], ..]}  {"bytes": hex}  {"complex": [re, im]}  {"int": hex} ..
    {"ref": 3, "type": "Node"}      an object that stays in its process; only its number is sent

Unlike unpickling, decoding executes no code and builds only the classes below. A hostile frame can only be malformed.
An instance of a program's subclass of a built-in type is sent as the built-in type, without its methods (such as
`__eq__`).
"""

import builtins
import collections
import datetime
import decimal
import fractions
import itertools
import json

MAX_FRAME = 16 << 20
MAX_ITERATED = 200_000
ITERATORS = (map, filter, zip, enumerate, reversed, type(x for x in ()), type(iter([])), type(iter(())), itertools.chain)
VIEWS = (type({}.keys()), type({}.values()), type({}.items()))


class MalformedValue(Exception):
    """The data does not encode a value."""


def pack(value, refer=None):
    """Returns the JSON form of a value. `refer` returns a number for an object that is not plain data."""
    kind = type(value)
    if value is None or kind in (bool, str, float):
        return value
    if kind is int:
        return value if -(2**53) < value < 2**53 else {"int": hex(value)}
    if kind is list:
        return [pack(item, refer) for item in value]
    if kind is dict:
        return {"dict": _pairs(value, refer)}
    return _pack_rarer(value, refer)


def _pairs(value, refer):
    return [[pack(key, refer), pack(item, refer)] for key, item in dict.items(value)]


def _pack_rarer(value, refer):
    kind = type(value)
    for base, tag, parts in PACKERS:
        if isinstance(value, base) and (base is not type or _is_builtin(value)):
            return {tag: parts(value, refer)}
    if isinstance(value, ITERATORS + VIEWS):
        items = list(itertools.islice(value, MAX_ITERATED + 1))
        if len(items) > MAX_ITERATED:
            raise MalformedValue(f"an iterator of more than {MAX_ITERATED} items")
        return {"iterator" if isinstance(value, ITERATORS) else "view": [pack(item, refer) for item in items]}
    if kind.__module__ == "numpy" and hasattr(kind, "tolist"):
        return pack(value.tolist(), refer)  # arrays are sent as lists, scalars as Python scalars
    if isinstance(value, type) and issubclass(value, Exception):
        return {"exception": class_names(value)}
    if refer is None:
        raise MalformedValue(f"{type(value).__name__} is not plain data")
    return {"ref": refer(value), "type": type(value).__name__}


def class_names(kind):
    """Returns the names of a class and of the classes it extends, up to the first built-in one."""
    names = []
    for one in type.mro(kind):
        names.append(one.__name__)
        if _is_builtin(one):
            break
    return names


EXCEPTIONS = {}


def exception_class(names):
    """Returns the class that represents an exception class of the program: always the same class, with the same
    built-in base."""
    *own, last = names or ["Exception"]
    kind = getattr(builtins, last, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind, own = RuntimeError, names
    for name in reversed(own):
        kind = EXCEPTIONS.setdefault(name[:100], type(name[:100], (kind,), {}))
    return kind


def _is_builtin(kind):
    return getattr(builtins, kind.__name__, None) is kind


def _builtin_type(name):
    kind = getattr(builtins, name, None)
    if not isinstance(kind, type):
        raise MalformedValue(f"{name!r} is not a built-in type")
    return kind


def _items(base):
    return lambda value, refer: [pack(item, refer) for item in base.__iter__(value)]


# Subclasses before their bases. Call methods on the built-in type, because a program's subclass may override them.
PACKERS = (
    (bool, "bool", lambda value, _: value),
    (int, "int", lambda value, _: int.__format__(value, "x")),
    (float, "float", lambda value, _: float.hex(value)),
    (str, "str", lambda value, _: str.__str__(value)),
    (tuple, "tuple", _items(tuple)),
    (list, "list", _items(list)),
    (frozenset, "frozenset", _items(frozenset)),
    (set, "set", _items(set)),
    (collections.Counter, "Counter", _pairs),
    (collections.OrderedDict, "OrderedDict", _pairs),
    (dict, "dict", _pairs),
    (collections.deque, "deque", _items(collections.deque)),
    (bytes, "bytes", lambda value, _: bytes.hex(value)),
    (bytearray, "bytearray", lambda value, _: bytearray.hex(value)),
    (complex, "complex", lambda value, _: [complex.__getattribute__(value, "real"), complex.__getattribute__(value, "imag")]),
    (range, "range", lambda value, _: [pack(part) for part in (value.start, value.stop, value.step)]),
    (decimal.Decimal, "Decimal", lambda value, _: decimal.Decimal.__str__(value)),
    (fractions.Fraction, "Fraction", lambda value, _: [pack(value.numerator), pack(value.denominator)]),
    (datetime.datetime, "datetime", lambda value, _: datetime.datetime.isoformat(value)),
    (datetime.date, "date", lambda value, _: datetime.date.isoformat(value)),
    (datetime.time, "time", lambda value, _: datetime.time.isoformat(value)),
    (datetime.timedelta, "timedelta", lambda value, _: [value.days, value.seconds, value.microseconds]),
    (type(...), "ellipsis", lambda value, _: 0),
    (type, "type", lambda value, _: value.__name__),
)


def unpack(packed, resolve=None):
    """Returns the value that `packed` encodes; `resolve` returns the object with a given number and type name."""
    kind = type(packed)
    if packed is None or kind in (bool, int, float, str):
        return packed
    if kind is list:
        return [unpack(item, resolve) for item in packed]
    if "ref" in packed and resolve is not None:
        return resolve(int(packed["ref"]), str(packed.get("type")))
    if len(packed) != 1:
        raise MalformedValue("an object must have one tag")
    [(tag, parts)] = packed.items()
    if tag not in UNPACKERS:
        raise MalformedValue(f"unknown tag {tag[:40]!r}")
    return UNPACKERS[tag](parts, resolve)


def _collected(make):
    return lambda parts, resolve: make([unpack(item, resolve) for item in parts])


def _mapped(make):
    return lambda parts, resolve: make([(unpack(key, resolve), unpack(item, resolve)) for key, item in parts])


UNPACKERS = {
    "bool": lambda parts, _: bool(parts),
    "int": lambda parts, _: int(parts, 16),
    "float": lambda parts, _: float.fromhex(parts),
    "str": lambda parts, _: str(parts),
    "tuple": _collected(tuple),
    "list": _collected(list),
    "frozenset": _collected(frozenset),
    "set": _collected(set),
    "Counter": lambda parts, resolve: collections.Counter(_mapped(dict)(parts, resolve)),
    "OrderedDict": _mapped(collections.OrderedDict),
    "dict": _mapped(dict),
    "deque": _collected(collections.deque),
    "iterator": _collected(iter),
    "view": _collected(list),
    "bytes": lambda parts, _: bytes.fromhex(parts),
    "bytearray": lambda parts, _: bytearray.fromhex(parts),
    "complex": lambda parts, _: complex(*parts),
    "range": lambda parts, _: range(*[unpack(part) for part in parts]),
    "Decimal": lambda parts, _: decimal.Decimal(parts),
    "Fraction": lambda parts, _: fractions.Fraction(*[int(unpack(part)) for part in parts]),
    "datetime": lambda parts, _: datetime.datetime.fromisoformat(parts),
    "date": lambda parts, _: datetime.date.fromisoformat(parts),
    "time": lambda parts, _: datetime.time.fromisoformat(parts),
    "timedelta": lambda parts, _: datetime.timedelta(*parts),
    "ellipsis": lambda parts, _: ...,
    "type": lambda parts, _: _builtin_type(parts),
    "exception": lambda parts, _: exception_class([str(name) for name in parts]),
}


def dump(message):
    """Encodes a message as one frame."""
    body = json.dumps(message).encode()
    if len(body) > MAX_FRAME:
        raise MalformedValue(f"a value of more than {MAX_FRAME >> 20} MiB")
    return len(body).to_bytes(4, "little") + body
