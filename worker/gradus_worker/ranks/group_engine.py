"""Engine of a session whose model is sharded over the ranks of a group."""

from __future__ import annotations

from ..protocol.messages import Reply, Request
from .group_sampler import GroupSampler
from .lead import Lead


class GroupEngine:
    """Has the methods of `Engine` that the server uses, and carries them out on all ranks."""

    def __init__(self, lead: Lead, request: Request) -> None:
        self._lead = lead
        created: Reply = lead.call("create", request)[0]
        self.created = created
        self.sampler = GroupSampler(lead, created.result["vocabSize"], created.result["maxSequenceTokens"])

    def carry_out(self, request: Request) -> Reply:
        """Carries out any ordered request except `createModel` and `sample`."""
        reply: Reply = self._lead.call("carry_out", request)[0]
        return reply

    def drop_gradient(self) -> None:
        self._lead.call("drop_gradient")

    def stats(self) -> dict[str, float]:
        """Returns metrics by name: of rank 0, and the sampling of all ranks."""
        return self._lead.stats(self.sampler.stats())

    def close(self) -> None:
        """Frees the model on every rank."""
        self._lead.call("close")
