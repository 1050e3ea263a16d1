"""A taskset of the verifiers package whose environment fails in the way that the policy names."""

import asyncio

import verifiers.v1 as vf

__all__ = ["HostileEnv", "HostileRounds"]


class HostileTask(vf.Task[vf.TaskData, vf.State]):
    pass


class HostileConfig(vf.EnvConfig):
    player: vf.AgentConfig = vf.AgentConfig()


class HostileEnv(vf.Env[HostileConfig]):
    async def run(self, task, agents):
        async with agents.player.interaction(task) as interaction:
            segment = await interaction.turn()
            print("printed by the environment", flush=True)
            if segment.last_reply == "raise":
                raise ValueError("a bad day")
            if segment.last_reply == "sleep":
                await asyncio.sleep(600)
            if segment.last_reply == "huge":
                await interaction.turn("x" * 10_000_000)
            if segment.last_reply == "again":
                await interaction.turn("say it again")
        reward = float("nan") if segment.last_reply == "nan" else 1.0
        interaction.trace.record_reward("done", reward)


class HostileRounds(vf.Taskset[HostileTask, vf.TasksetConfig]):
    def load(self):
        for i in range(3):
            yield HostileTask(vf.TaskData(prompt=f"Task {i}"), self.config.task)
