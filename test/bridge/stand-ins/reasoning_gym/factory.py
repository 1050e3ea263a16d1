import os
import sys
import time
from dataclasses import dataclass
from random import Random

from .coaching.base_curriculum import Curriculum


@dataclass
class Config:
    min_digits: int = 1
    max_digits: int = 2
    seed: int = 0
    size: int = 500

    def validate(self):
        assert 1 <= self.min_digits <= self.max_digits, "max_digits must be >= min_digits"


class Sums:
    """Sums of two numbers; the scorer gives 0.01 for a readable wrong answer."""

    def __init__(self, config):
        config.validate()
        self.config = config

    def __getitem__(self, index):
        rng = Random(self.config.seed * 1_000_003 + index)
        digits = rng.randint(self.config.min_digits, self.config.max_digits)
        a, b = (rng.randrange(10 ** (digits - 1), 10**digits) for _ in range(2))
        expression = f"{a} + {b}"
        metadata = {"expression": expression, "digits": digits, "parts": (a, b)}
        return {"question": f"What is {expression}?", "answer": str(a + b), "metadata": metadata}

    def score_answer(self, answer, entry):
        return 1.0 if answer == entry["answer"] else 0.01


class Evaluating(Sums):
    """Evaluates the answer as Python, as several scorers of the package do."""

    def score_answer(self, answer, entry):
        return 1.0 if str(eval(answer)) == entry["answer"] else 0.01


class Hostile(Sums):
    """Fails in the way that the answer names."""

    def score_answer(self, answer, entry):
        print("printed", '{"score": 1}', flush=True)
        os.write(1, b'{"score": 1}\n')
        if answer == "sleep":
            time.sleep(600)
        if answer == "spin":
            while True:
                pass
        if answer == "die":
            os._exit(3)
        if answer == "raise":
            raise ValueError("a bad day")
        if answer == "nan":
            return float("nan")
        return super().score_answer(answer, entry)


class Huge(Sums):
    def __getitem__(self, index):
        return {**super().__getitem__(index), "answer": "9" * (10_000_000 if index == 0 else 1)}


class Dying(Sums):
    def __getitem__(self, index):
        print("the disk is full", file=sys.stderr, flush=True)
        os._exit(7)


DATASETS = {
    "sums": (Sums, Config),
    "evaluating": (Evaluating, Config),
    "hostile": (Hostile, Config),
    "huge": (Huge, Config),
    "dying": (Dying, Config),
}


def create_dataset(name, **settings):
    dataset_class, config_class = DATASETS[name]
    return dataset_class(config_class(**settings))


def has_curriculum(name):
    return name == "sums"


def create_curriculum(name):
    return Curriculum(DATASETS[name][1])
