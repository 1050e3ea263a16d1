"""An OpenEnv environment: three sums in a row. Start it with `python server.py 8000`.

The questions are in the form that the tiny model of Gradus reads, e.g. `7+5=?`.
"""

import sys
from random import Random

import uvicorn
from openenv.core.env_server.http_server import create_fastapi_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State

ROUNDS = 3
KINDS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


class Answer(Action):
    value: int


class Question(Observation):
    text: str


class Sums(Environment):
    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self):
        super().__init__()
        self.kind, self.seed, self.round = "+", 0, 0

    def reset(self, seed=None, episode_id=None, kind="+", **_):
        self.kind, self.seed, self.round = kind, seed or 0, 0
        return Question(text=self.question())

    def step(self, action, timeout_s=None, **_):
        a, b = self.numbers()
        right = action.value == KINDS[self.kind](a, b)
        self.round += 1
        done = self.round == ROUNDS
        return Question(text="" if done else self.question(), reward=right / ROUNDS, done=done)

    def numbers(self):
        rng = Random(self.seed * ROUNDS + self.round)
        return rng.randrange(10), rng.randrange(10)

    def question(self):
        a, b = self.numbers()
        return f"{a}{self.kind}{b}=?"

    @property
    def state(self):
        return State(step_count=self.round)


if __name__ == "__main__":
    app = create_fastapi_app(Sums, Answer, Question, max_concurrent_envs=600)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
