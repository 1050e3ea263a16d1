"""Repeated requests are never carried out twice, and their replies never change."""

import random

import pytest

from gradus_worker.protocol.messages import Outcome, Reply, Request, RequestError, bad_request
from gradus_worker.server.replay import KEPT_REPLIES, RequestLog

TYPES = ["sample", "logprobs", "forwardBackward", "optimStep", "loadState"]


def request(seq: int, type: str, content: int = 0) -> Request:
    return Request(id=1, type=type, fields={}, tensors={}, seq=seq, digest=f"{seq} {type} {content}".encode())


def taken(order: RequestLog, asked: Request) -> Outcome | None:
    try:
        return order.begin(asked)
    except RequestError as error:
        return error


@pytest.mark.parametrize("seed", range(20))
def test_order_and_replay_match_a_plain_model_of_the_rules(seed: int) -> None:
    dice, order = random.Random(seed), RequestLog()
    done: list[tuple[str, Outcome, int]] = []
    changes = 0
    for _ in range(300):
        seq = dice.randint(max(1, len(done) - KEPT_REPLIES - 1), len(done) + 2)
        type = done[seq - 1][0] if seq <= len(done) else dice.choice(TYPES)
        content = int(seq <= len(done) and dice.random() < 0.1)
        asked = request(seq, type, content)
        found = taken(order, asked)
        if isinstance(found, RequestError) and found.code == "conflict":
            old = seq <= len(done)
            stale = old and type == "sample" and done[seq - 1][2] != changes
            assert seq == len(done) + 2 or content == 1 or seq <= len(done) - KEPT_REPLIES or stale
            continue
        if seq <= len(done):
            assert content == 0
            assert seq > len(done) - KEPT_REPLIES
            kind, outcome, _ = done[seq - 1]
            drawn_again = kind == "sample" and isinstance(outcome, Reply)
            assert found is (None if drawn_again else outcome)
            continue
        assert found is None
        assert seq == len(done) + 1
        outcome = Reply() if dice.random() < 0.8 else bad_request("no")
        changes += type in ("optimStep", "loadState")
        order.end(asked, outcome)
        done.append((type, outcome, changes))
