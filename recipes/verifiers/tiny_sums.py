"""A taskset of the verifiers package: one question each, in the form that the tiny model of Gradus reads."""

import re
from random import Random

import verifiers.v1 as vf

__all__ = ["TinySums"]

KINDS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


class SumData(vf.TaskData):
    answer: str


class SumTask(vf.Task[SumData, vf.State]):
    @vf.reward
    async def correct(self, task, trace) -> float:
        found = re.findall(r"-?\d+", str(trace.messages[-1].content))
        return float(found[-1:] == [task.answer])


class SumConfig(vf.TasksetConfig):
    kind: str = "+"


class TinySums(vf.Taskset[SumTask, SumConfig]):
    INFINITE = True

    def load(self):
        for seed in range(1_000_000):
            rng = Random(seed)
            a, b = rng.randrange(20), rng.randrange(20)
            answer = str(KINDS[self.config.kind](a, b))
            yield SumTask(SumData(prompt=f"{a}{self.config.kind}{b}=?", answer=answer), self.config.task)
