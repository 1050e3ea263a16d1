"""Adapter for OpenEnv: environments behind a server, reached through the package's generic client."""

import json
import re

from gradus_sessions import Lost, Sessions, digest
from openenv import GenericEnvClient


class Adapter:
    def __init__(self, options, max_seconds):
        self.options, self.max_seconds = options, max_seconds
        self.sessions = Sessions(self.open_session, max_seconds)

    def about(self):
        return {"roles": ["user"], "environment": self.options["url"]}

    def tasks(self, request):
        """Returns one task per seed. The prompt of a task is the first observation."""
        seeds = range(request["from"], request["from"] + request["count"])
        return {"total": None, "tasks": [self.sessions.run(self.task(seed)) for seed in seeds]}

    def play(self, request):
        return self.sessions.play(request)

    async def task(self, seed):
        session = Session(self.options, self.max_seconds)
        try:
            text = await session.reset(seed)
        finally:
            await session.close()
        prompt = [user(text)]
        task = {"seed": seed, "opening": digest({"messages": prompt})}
        return {"task": task, "prompt": prompt, "answer": None, "fields": {}}

    async def open_session(self, task):
        session = Session(self.options, self.max_seconds)
        try:
            text = await session.reset(task["seed"])
            if digest({"messages": [user(text)]}) != task["opening"]:
                raise RuntimeError(f"expected the problem's first observation for seed {task['seed']}, got another")
        except BaseException:
            await session.close()
            raise
        return session


class Session:
    def __init__(self, options, max_seconds):
        self.options = options
        limits = {"message_timeout_s": max_seconds, "connect_timeout_s": max_seconds}
        self.client = GenericEnvClient(base_url=options["url"], **limits)
        self.connection = None

    async def reset(self, seed):
        result = await self.client.reset(**self.options["reset"], seed=seed)
        # The client reconnects silently, and its new session on the server has not been reset.
        self.connection = getattr(self.client, "_ws", None)
        return self.text_of(result.observation)

    async def step(self, text):
        action, problem = self.action_of(text)
        if action is None:
            call = {"tool": "step", "arguments": text[:2000], "outcome": "malformed", "result": problem}
            return {"messages": [user(problem)], "isOver": False, "reward": None, "calls": [call]}
        try:
            result = await self.client.step(action)
        except (ConnectionError, OSError) as error:
            raise Lost(str(error)) from error
        except Exception as error:
            if type(error).__module__.startswith("websockets"):
                raise Lost(str(error)) from error
            raise
        if getattr(self.client, "_ws", None) is not self.connection:
            raise Lost("the connection was replaced")
        shown, reward = self.text_of(result.observation), result.reward
        return {
            "messages": [] if result.done else [user(shown)],
            "isOver": bool(result.done),
            "reward": None if reward is None else float(reward),
            "calls": [{"tool": "step", "arguments": action, "outcome": "ok", "result": shown[:2000]}],
        }

    def action_of(self, text):
        """Returns the action in the text of a turn, or a description of what is wrong with the text."""
        field, kind = self.options["action"], self.options["actionType"]
        text = text.rsplit("</think>", 1)[-1].strip()
        fixed = self.options["fields"]
        if kind == "text":
            return {**fixed, field: text}, None
        if kind == "integer":
            found = re.findall(r"-?\d+", text)
            return ({**fixed, field: int(found[-1])}, None) if found else (None, "Error: expected a whole number.")
        start = text.find("{")
        try:
            action, _ = json.JSONDecoder().raw_decode(text, start)
        except ValueError as error:
            return None, f"Error: expected an action in JSON: {error}"
        return {**fixed, **action}, None

    def text_of(self, observation):
        field = self.options.get("observation")
        if field is None:
            return json.dumps(observation, sort_keys=True, ensure_ascii=False)
        if field not in observation:
            raise KeyError(f'expected a field "{field}" in the observation, got {", ".join(observation)}')
        value = observation[field]
        return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)

    async def close(self):
        try:
            await self.client.close()
        except Exception:
            pass


def user(content):
    return {"role": "user", "content": content}
