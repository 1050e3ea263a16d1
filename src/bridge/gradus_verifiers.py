"""Adapter for verifiers 0.4. Runs the package's episodes here; each model call blocks until the policy replies."""

import asyncio
import hashlib
import importlib.metadata
import inspect
import itertools

import verifiers.v1 as vf
from aiohttp import web
from gradus_sessions import Sessions
from verifiers.v1.configs.agent import agent_config_fields
from verifiers.v1.utils import loaders

HARNESS = "gradus-verifiers-harness"


class Adapter:
    def __init__(self, options, max_seconds):
        self.options = options
        self.env = load(options)
        self.rows = iter(self.env.taskset)
        self.known = []
        self.calls = {}
        self.numbers = itertools.count()
        self.sessions = Sessions(self.open_session, max_seconds)
        self.base_url = self.sessions.run(self.serve())

    def about(self):
        return {"roles": ["user"], "environment": version_of(self.env.taskset, self.options["id"])}

    def tasks(self, request):
        start, end = request["from"], request["from"] + request["count"]
        self.read(end)
        tasks = [self.describe(task) for task in self.known[start:end]]
        return {"total": None, "tasks": tasks}

    def play(self, request):
        return self.sessions.play(request)

    def read(self, count):
        self.known += itertools.islice(self.rows, max(0, count - len(self.known)))

    def describe(self, task):
        data = task.data
        answer = getattr(data, "answer", None)
        named = {"idx": data.idx, "key": task.key}
        is_plain = data.prompt is not None and isinstance(self.env, vf.SingleAgentEnv)
        prompt = prompt_of(data) if is_plain else self.sessions.run(self.opening(named))
        return {"task": named, "prompt": prompt, "answer": answer if isinstance(answer, str) else None, "fields": {}}

    async def opening(self, named):
        """Returns the messages of the first model call, for a task in which the environment begins the conversation."""
        session = await self.open_session(named)
        try:
            return session.shown
        finally:
            await session.close()

    async def open_session(self, named):
        self.read(named["idx"] + 1)
        task = self.known[named["idx"]]
        if task.key != named["key"]:
            raise ValueError("the task differs from the one that this problem was made from; load the problems again")
        session = Session(f"attempt-{next(self.numbers)}", self.calls)
        context = vf.ModelContext(
            model=session.name,
            client=vf.EvalClientConfig(base_url=self.base_url, api_key_var="GRADUS_NO_KEY"),
        )
        await session.start(self.env.run_episode(task, context))
        return session

    async def serve(self):
        """Starts the package's own servers, and the model server whose requests the sessions answer."""
        self.serving = self.env.serving()
        await self.serving.__aenter__()
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", self.complete)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}/v1"

    async def complete(self, request):
        body = await request.json()
        session = self.calls.get(body.get("model"))
        if session is None:
            return web.json_response({"error": {"message": "this attempt has ended"}}, status=410)
        text = await session.ask([plain(message) for message in body["messages"]])
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        reply = {"id": session.name, "object": "chat.completion", "created": 0, "model": session.name}
        return web.json_response({**reply, "choices": [choice], "usage": usage})


class Session:
    def __init__(self, name, calls):
        self.name, self.calls = name, calls
        self.asked = asyncio.Queue()
        self.shown, self.waiting, self.episode = [], None, None

    async def start(self, episode):
        self.calls[self.name] = self
        self.episode = asyncio.ensure_future(episode)
        try:
            if await self.next_call() is None:
                raise_failure(self.episode.result())
                raise RuntimeError("expected the environment to call the model, got the end of the episode")
        except BaseException:
            await self.close()
            raise

    async def ask(self, messages):
        """Waits for the policy's turn; called by the model server."""
        waiting = asyncio.get_running_loop().create_future()
        await self.asked.put((messages, waiting))
        return await waiting

    async def next_call(self):
        """Returns the messages of the next model call, or None at the end of the episode."""
        call = asyncio.ensure_future(self.asked.get())
        await asyncio.wait({call, self.episode}, return_when=asyncio.FIRST_COMPLETED)
        if not call.done():
            call.cancel()
            return None
        self.shown, self.waiting = call.result()
        return self.shown

    async def step(self, text):
        before = self.shown
        self.waiting.set_result(text)
        messages = await self.next_call()
        if messages is None:
            return ended(self.episode.result())
        given = [*before, {"role": "assistant", "content": text}]
        if messages[: len(given)] != given:
            raise RuntimeError("unsupported environment: it rewrote the conversation, or runs several at once")
        news = messages[len(given) :]
        if any(message["role"] not in ("user", "tool") for message in news):
            raise RuntimeError("expected replies with the role user or tool, got a different role")
        return {"messages": news, "isOver": False, "reward": None}

    async def close(self):
        self.calls.pop(self.name, None)
        if self.waiting is not None and not self.waiting.done():
            self.waiting.cancel()
        if self.episode is not None and not self.episode.done():
            self.episode.cancel()
            await asyncio.wait({self.episode}, timeout=1)


def load(options):
    """Loads the environment, with the policy as each of its agents."""
    raw = {"id": options["environment"], "taskset": {**options["taskset"], "id": options["id"]}}
    seats = agent_config_fields(loaders.resolve_env_config(raw))
    seat = {"harness": {"id": HARNESS}, "runtime": {"type": "subprocess"}}
    return loaders.load_environment(loaders.resolve_env_config({**raw, **dict.fromkeys(seats, seat)}))


def version_of(taskset, name):
    """Returns the version of the taskset's package, and a hash of its module."""
    with open(inspect.getfile(type(taskset)), "rb") as source:
        text = hashlib.sha256(source.read()).hexdigest()[:12]
    try:
        return f"{name}@{importlib.metadata.version(name)}-{text}"
    except importlib.metadata.PackageNotFoundError:
        return f"{name}@{text}"


def prompt_of(data):
    system = [] if data.system_prompt is None else [{"role": "system", "content": data.system_prompt}]
    if isinstance(data.prompt, str):
        return [*system, {"role": "user", "content": data.prompt}]
    return [*system, *(plain(message.model_dump()) for message in data.prompt)]


def plain(message):
    """Returns the role and text of a message."""
    content = message.get("content") or ""
    if isinstance(content, list):
        for part in content:
            if part.get("type") != "text":
                raise ValueError(f'expected text-only messages, got a part of type "{part.get("type")}"')
        content = "".join(part["text"] for part in content)
    return {"role": message["role"], "content": content}


def raise_failure(episode):
    errors = [*episode.errors, *(error for trace in episode.traces for error in trace.errors)]
    if not episode.ok:
        why = f"{errors[0].type}: {errors[0].message}" if errors else "no reason given"
        raise RuntimeError(f"the episode failed: {why}")


def ended(episode):
    """Returns the last reply, with the reward of the policy's trace."""
    raise_failure(episode)
    traces = [trace for trace in episode.traces if trace.agent is None or trace.agent.trainable is not False]
    if len(traces) != 1:
        raise RuntimeError(f"expected one trace of the policy, got {len(traces)}")
    (trace,) = traces
    missing = [name for name, reward in trace.rewards.items() if reward is None]
    if missing:
        raise RuntimeError(f'expected a value for every reward, got none for "{missing[0]}"')
    metrics = {name: value for name, value in trace.metrics.items() if isinstance(value, (int, float))}
    return {"messages": [], "isOver": True, "reward": float(trace.reward), "details": metrics}
