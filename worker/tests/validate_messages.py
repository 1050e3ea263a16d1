"""Validates JSON messages, one per line of stdin; prints `request`, `reply` or `neither` for each."""

import json
import sys

from gradus_worker.protocol.schema import SchemaError, check, protocol_schema


def verdict(message: object) -> str:
    for kind in ("request", "reply"):
        try:
            check(protocol_schema()[kind], message, "message")
        except SchemaError:
            continue
        return kind
    return "neither"


for line in sys.stdin:
    print(verdict(json.loads(line)))
