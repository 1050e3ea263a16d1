"""Exceptions with the names, codes and messages of the command line's errors."""

from __future__ import annotations

from typing import Any


class GradusError(Exception):
    """Base class of all errors of Gradus; the last line of the message is the command to try next."""

    def __init__(self, message: str, code: str = "GRADUS_FAILED", try_next: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        """The expected and the actual value, the place, and what to do."""
        self.code = code
        """Stable identifier, e.g. `CONFIG_INVALID`."""
        self.try_next = try_next
        """The command or edit to try next."""
        self.result: Any = None
        """Result of a command that printed a result and then failed, such as a run that finished with errors."""

    def __str__(self) -> str:
        return self.message if self.try_next is None else f"{self.message}\ntry: {self.try_next}"


class ConfigError(GradusError):
    """An invalid recipe, flag or setting."""


class DataError(GradusError):
    """An input that cannot be used: a file of problems, a model folder, a store."""


class VerifierError(GradusError):
    """A failure of a verifier itself."""


class SandboxError(GradusError):
    """A sandbox that cannot be started."""


class EnvironmentError(GradusError):
    """A failure of an environment that answers the policy. Not Python's `EnvironmentError`."""


class EngineError(GradusError):
    """A failed request to an engine."""


class WorkerCrashed(EngineError):
    """A worker of an engine that ended unexpectedly."""


class ProtocolError(EngineError):
    """A message that violates the protocol between Gradus and a worker."""


class RunError(GradusError):
    """A run directory that is missing, locked, finished, edited or read-only; a run that was interrupted."""


class StorageError(GradusError):
    """A file or folder that cannot be written."""


_classes: dict[str, type[GradusError]] = {
    one.__name__: one
    for one in (
        ConfigError,
        DataError,
        VerifierError,
        SandboxError,
        EnvironmentError,
        EngineError,
        WorkerCrashed,
        ProtocolError,
        RunError,
        StorageError,
    )
}


def error_from(described: dict[str, Any]) -> GradusError:
    """Builds the exception that the command line describes as `{name, code, message, tryNext}`."""
    kind = _classes.get(described.get("name", ""), GradusError)
    return kind(described["message"], described["code"], described.get("tryNext"))
