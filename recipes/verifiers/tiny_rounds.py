"""A taskset of the verifiers package with its own environment: sums over several turns, one after another."""

import re
from random import Random

import verifiers.v1 as vf

__all__ = ["RoundsEnv", "TinyRounds"]

ROUNDS = 2


class RoundsData(vf.TaskData):
    seed: int


class RoundsTask(vf.Task[RoundsData, vf.State]):
    pass


class RoundsConfig(vf.EnvConfig):
    player: vf.AgentConfig = vf.AgentConfig()


def numbers(seed, at):
    rng = Random(seed * ROUNDS + at)
    return rng.randrange(10), rng.randrange(10)


class RoundsEnv(vf.Env[RoundsConfig]):
    async def run(self, task, agents):
        right = 0
        async with agents.player.interaction(task) as interaction:
            segment = await interaction.turn()
            for at in range(ROUNDS):
                a, b = numbers(task.data.seed, at)
                right += re.findall(r"-?\d+", segment.last_reply)[-1:] == [str(a + b)]
                if at + 1 == ROUNDS or segment.terminated:
                    break
                a, b = numbers(task.data.seed, at + 1)
                segment = await interaction.turn(f"{a}+{b}=?")
        interaction.trace.record_reward("right", right / ROUNDS)


class TinyRounds(vf.Taskset[RoundsTask, vf.TasksetConfig]):
    INFINITE = True

    def load(self):
        for seed in range(1_000_000):
            a, b = numbers(seed, 0)
            yield RoundsTask(RoundsData(prompt=f"{a}+{b}=?", seed=seed), self.config.task)
