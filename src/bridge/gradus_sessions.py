"""Runs attempts in stateful environments. A request contains all turns of its attempt so far, so an attempt
whose session is lost (a restarted process, a lost connection) continues in a new session that replays these turns."""

import asyncio
import hashlib
import json
import threading

# Maximum number of open sessions. Interrupted attempts leave theirs open, so the oldest one is closed to make room.
MAX_SESSIONS = 512


class Lost(Exception):
    """The session ended for a reason unrelated to the turn: replay the attempt in a new session."""


class Sessions:
    """Runs sessions on an event loop in a separate thread, so that connections stay alive between requests.

    `open_session(task)` is a coroutine function; a session has `step(text)`, which returns the reply as in the
    protocol, and `close()`.
    """

    def __init__(self, open_session, max_seconds):
        self.open_session, self.max_seconds = open_session, max_seconds
        self.live = {}
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, work):
        """Runs a coroutine within the time limit of a call."""
        return asyncio.run_coroutine_threadsafe(self.within(work), self.loop).result()

    async def within(self, work):
        try:
            return await asyncio.wait_for(work, self.max_seconds)
        except TimeoutError:
            raise TimeoutError(f"the environment gave no answer within {self.max_seconds:g} s") from None

    def play(self, request):
        task, turns, seen = request["task"], request["turns"], request["seen"]
        if len(turns) != len(seen) + 1 or not all(isinstance(text, str) for text in turns):
            raise ValueError('expected "turns" to be strings, and "seen" to contain one digest per earlier reply')
        return self.run(self.answer(task, turns, seen))

    async def answer(self, task, turns, seen):
        session = self.live.pop(key_of(task, turns[:-1]), None)
        if session is not None:
            try:
                return await self.step(session, task, turns)
            except Lost:
                pass
        session = await self.replay(task, turns[:-1], seen)
        return await self.step(session, task, turns)

    async def step(self, session, task, turns):
        try:
            reply = await session.step(turns[-1])
        except BaseException:
            await session.close()
            raise
        reply = {"details": {}, "calls": [], **reply, "digest": digest(reply)}
        if reply["isOver"]:
            await session.close()
            return reply
        self.live[key_of(task, turns)] = session
        if len(self.live) > MAX_SESSIONS:
            await self.live.pop(next(iter(self.live))).close()
        return reply

    async def replay(self, task, turns, seen):
        session = await self.open_session(task)
        try:
            for i, (text, expected) in enumerate(zip(turns, seen, strict=True)):
                reply = await session.step(text)
                if reply["isOver"] or digest(reply) != expected:
                    raise RuntimeError(
                        f"the session was lost, and replaying turn {i + 1} gave a different reply; "
                        "the environment must depend only on the seed and the turns"
                    )
        except BaseException:
            await session.close()
            raise
        return session


def key_of(task, turns):
    return hashlib.sha256(json.dumps([task, turns], sort_keys=True).encode()).hexdigest()


def digest(reply):
    """Returns a digest of the messages, without the rewards, which may differ in the last bits."""
    return hashlib.sha256(json.dumps(reply["messages"], sort_keys=True).encode()).hexdigest()[:16]
