"""Stands in for OpenEnv 0.10 in tests: the shapes of its client for dictionaries, over a game in this process.

The game shows numbers to repeat. Other messages make it fail, as servers do.
"""

import asyncio
import itertools
import os
from random import Random
from types import SimpleNamespace

counter = itertools.count()
lost = []


class GenericEnvClient:
    def __init__(self, base_url, message_timeout_s=60.0, connect_timeout_s=10.0):
        self.base_url, self.message_timeout_s = base_url, message_timeout_s
        self._ws = None
        self.right = None

    async def reset(self, seed=None, rounds=2, **_):
        if "unreachable" in self.base_url:
            raise ConnectionError(f"failed to connect to {self.base_url}")
        self._ws, self.seed, self.rounds, self.round = object(), seed, rounds, 0
        return self.result(None)

    async def step(self, action):
        said = action["message"]
        print("printed by the environment", flush=True)
        os.write(1, b'{"messages": []}\n')
        if said == "sleep":
            await asyncio.sleep(600)
        if said == "raise":
            raise RuntimeError("Server error: the board is gone (code: EXECUTION_ERROR)")
        if said == "die":
            os._exit(5)
        if said == "huge":
            return SimpleNamespace(observation={"text": "x" * 10_000_000}, reward=0.0, done=False)
        if said == "nan":
            return SimpleNamespace(observation={"text": "?"}, reward=float("nan"), done=False)
        if said == "drift":
            return SimpleNamespace(observation={"text": f"{os.getpid()} {next(counter)}"}, reward=0.0, done=False)
        if said == "lose" and not lost:
            lost.append(self.seed)
            self._ws, self.round = object(), 0
        right = said == str(self.number())
        self.round += 1
        return self.result(1.0 / self.rounds if right else 0.0)

    def number(self):
        return Random(self.seed * 1000 + self.round).randrange(100)

    def result(self, reward):
        done = self.round >= self.rounds
        text = "over" if done else f"repeat {self.number()}"
        return SimpleNamespace(observation={"text": text, "round": self.round}, reward=reward, done=done)

    async def close(self):
        self._ws = None
