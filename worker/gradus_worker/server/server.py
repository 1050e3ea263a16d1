"""Server loop behind every transport: one thread carries out ordered requests and answers other requests in between.

inbox ──▶ hello, abort, stats, ping, shutdown: answered at the next pause, between decode steps or microbatches
      └─▶ ordered requests: queue ──▶ request log ──▶ engine ──▶ outcome stored and sent
                                      (consecutive samples run concurrently)
"""

from __future__ import annotations

import gc
import hmac
import os
import platform
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty

import torch

from .. import __version__
from ..engine import Engine, devices
from ..pause import Pause
from ..protocol.messages import ORDERED, PROTOCOL_VERSION, Outcome, Reply, Request, RequestError, bad_request, conflict
from ..worker_exit import WorkerExit
from .error_replies import failure_of, outcome_of
from .inbox import Inbox, Incoming
from .replay import RequestLog
from .sample_requests import SampleRequests
from .session_engine import SessionEngine

SESSION_SILENCE_SECONDS = 60.0
"""Over HTTP, a new client replaces one that has sent nothing for this long."""


@dataclass
class Session:
    """State of one client."""

    id: str
    order: RequestLog = field(default_factory=RequestLog)
    engine: SessionEngine | None = None
    samples: SampleRequests | None = None
    heard: float = field(default_factory=time.monotonic)
    open: dict[int, Incoming] = field(default_factory=dict)
    """Ordered requests without a last reply."""


class _SessionOver(BaseException):
    """Ends a session, interrupting its work; `then` is the hello of the next client."""

    def __init__(self, reason: str, then: Incoming | None = None) -> None:
        super().__init__(reason)
        self.reason, self.then = reason, then


OpenEngine = Callable[[Request, Pause], SessionEngine]
"""Creates the engine of a `createModel` request."""


class Server:
    """`lasting`: serves the next client after `shutdown`, or when a client becomes silent."""

    def __init__(
        self, inbox: Inbox, *, lasting: bool = False, token: str | None = None, open_engine: OpenEngine = Engine
    ) -> None:
        self._inbox, self._lasting, self._token, self._open_engine = inbox, lasting, token, open_engine
        self._session: Session | None = None
        self._waiting: deque[Incoming] = deque()

    @property
    def session_id(self) -> str | None:
        """Session of the current client; safe to read from any thread."""
        session = self._session
        return None if session is None else session.id

    def run(self) -> WorkerExit:
        """Serves until there is a reason to exit, and returns it."""
        while True:
            try:
                self._receive(self._inbox.get())
                self.pause()
                while self._waiting:
                    self._carry_out(self._waiting.popleft())
                    self.pause()
            except WorkerExit as ending:
                return ending
            except _SessionOver as over:
                reason, following = over.reason, over.then
            else:
                continue
            # End the session outside the handler, which would keep the interrupted work and its model alive.
            self._end_session(reason)
            if following is not None:
                self._receive(following)

    def pause(self) -> None:
        """Answers unordered requests. Called between pieces of work, which it ends by raising."""
        while True:
            try:
                self._receive(self._inbox.get_nowait())
            except Empty:
                return

    def _receive(self, incoming: Incoming | WorkerExit) -> None:
        if isinstance(incoming, WorkerExit):
            raise incoming
        try:
            self._place(incoming)
        except RequestError as error:
            incoming.answer(error)

    def _place(self, incoming: Incoming) -> None:
        request = incoming.request
        if request.refusal is not None and request.seq is None:
            raise bad_request(request.refusal)
        if request.type == "hello":
            incoming.answer(self._hello(incoming))
            return
        session = self._session
        if session is None or incoming.session not in (None, session.id):
            raise conflict(f"{request.type}: expected hello first, or the session that hello returned")
        session.heard = time.monotonic()
        if request.type in ORDERED:
            session.open[id(incoming)] = incoming
            self._waiting.append(incoming)
            return
        incoming.answer(self._at_once(request, session))
        if request.type == "shutdown":
            raise _SessionOver("the session was shut down") if self._lasting else WorkerExit(0)

    def _hello(self, incoming: Incoming) -> Reply:
        request = incoming.request
        low, high = request["protocol"]["min"], request["protocol"]["max"]
        if not low <= PROTOCOL_VERSION <= high:
            raise conflict(f"hello: expected a client that supports protocol {PROTOCOL_VERSION}, got {low} to {high}")
        given = request["token"]
        if self._token is not None and given is not None and not same_secret(given, self._token):
            raise conflict("hello: expected the token of this worker (GRADUS_WORKER_TOKEN), got another")
        if self._session is not None:
            silence = time.monotonic() - self._session.heard
            if self._lasting and silence > SESSION_SILENCE_SECONDS:
                raise _SessionOver(
                    f"another client replaced this one, which had sent nothing for {SESSION_SILENCE_SECONDS:.0f} s",
                    incoming,
                )
            raise conflict(f"hello: this worker serves another client, last heard {silence:.0f} s ago")
        self._session = Session(secrets.token_hex(16))
        worker = {"version": __version__, "pid": os.getpid(), "python": platform.python_version()}
        return Reply(
            {
                "protocol": PROTOCOL_VERSION,
                "session": self._session.id,
                "worker": {**worker, "torch": str(torch.__version__)},
                "devices": devices(),
            }
        )

    def _at_once(self, request: Request, session: Session) -> Reply:
        if request.type == "abort":
            self._abort(request, session)
        if request.type == "stats":
            return Reply({"metrics": {} if session.engine is None else session.engine.stats()})
        return Reply()

    def _abort(self, request: Request, session: Session) -> None:
        asked = request["sequences"]
        sequences = None if asked is None else [(one["prompt"], one["index"]) for one in asked]
        if session.samples is not None:
            session.samples.abort(request["target"], sequences)
        for waiting in self._waiting:
            if waiting.request.id == request["target"]:
                waiting.aborts.append(sequences)

    def _carry_out(self, incoming: Incoming) -> None:
        session, request = self._session, incoming.request
        assert session is not None
        if not self._is_due(incoming, session):
            return
        if request.type != "sample" or session.samples is None:
            self._end(incoming, outcome_of(lambda: self._work(request, session)))
            return
        self._start(incoming, session.samples)
        self._sample(session, session.samples)

    def _is_due(self, incoming: Incoming, session: Session) -> bool:
        """Checks the order. Returns False if the request was already answered, with a stored reply or a conflict."""
        try:
            known = session.order.begin(incoming.request)
        except RequestError as error:
            known = error
        if known is not None:
            self._answer(incoming, known, session)
        return known is None

    def _work(self, request: Request, session: Session) -> Reply:
        if request.refusal is not None:
            raise bad_request(request.refusal)
        if request.type != "createModel":
            if session.engine is None:
                raise bad_request(f"{request.type}: expected createModel first")
            return session.engine.carry_out(request)
        if session.engine is not None:
            raise bad_request("createModel: expected at most one per session, got a second one")
        session.engine = self._open_engine(request, self.pause)
        session.samples = SampleRequests(session.engine.sampler, self._end)
        return session.engine.created

    def _start(self, incoming: Incoming, samples: SampleRequests) -> None:
        try:
            if incoming.request.refusal is not None:
                raise bad_request(incoming.request.refusal)
            samples.start(incoming)
        except Exception as error:
            self._end(incoming, failure_of(error))

    def _sample(self, session: Session, samples: SampleRequests) -> None:
        """Runs the started sample requests, and those that directly follow them."""
        while samples.busy:
            try:
                samples.step()
            except Exception as error:
                failure = failure_of(error)
                for incoming in samples.drop():
                    self._end(incoming, failure)
            self.pause()
            while self._waiting and self._waiting[0].request.type == "sample":
                incoming = self._waiting.popleft()
                if self._is_due(incoming, session):
                    self._start(incoming, samples)

    def _end(self, incoming: Incoming, outcome: Outcome) -> None:
        session = self._session
        assert session is not None
        if isinstance(outcome, RequestError) and outcome.code in ("oom", "internal") and session.engine is not None:
            session.engine.drop_gradient()
        session.order.end(incoming.request, outcome)
        self._answer(incoming, outcome, session)

    def _answer(self, incoming: Incoming, outcome: Outcome, session: Session) -> None:
        del session.open[id(incoming)]
        incoming.answer(outcome)

    def _end_session(self, reason: str) -> None:
        session, self._session = self._session, None
        assert session is not None
        self._waiting.clear()
        for incoming in session.open.values():
            incoming.answer(conflict(reason))
        if session.engine is not None:
            session.engine.close()
        del session
        # Free the model before the next session loads one.
        gc.collect()
        torch.cuda.empty_cache()


def same_secret(given: str, expected: str) -> bool:
    """Compares secrets in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
