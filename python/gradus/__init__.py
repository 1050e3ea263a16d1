"""Gradus from Python: train and measure through its command line, read runs and pass rates as pandas tables."""

from gradus.actions import (
    compare,
    evaluate,
    levels,
    measure,
    plan,
    problems,
    resume,
    runs,
    sample,
    train,
    verify_code,
    verify_math,
)
from gradus.command import call, find_gradus
from gradus.errors import (
    ConfigError,
    DataError,
    EngineError,
    EnvironmentError,
    GradusError,
    ProtocolError,
    RunError,
    SandboxError,
    StorageError,
    VerifierError,
    WorkerCrashed,
)
from gradus.run import Run
from gradus.store import PassRateStore

__all__ = [
    "ConfigError",
    "DataError",
    "EngineError",
    "EnvironmentError",
    "GradusError",
    "PassRateStore",
    "ProtocolError",
    "Run",
    "RunError",
    "SandboxError",
    "StorageError",
    "VerifierError",
    "WorkerCrashed",
    "call",
    "compare",
    "evaluate",
    "find_gradus",
    "levels",
    "measure",
    "plan",
    "problems",
    "resume",
    "runs",
    "sample",
    "train",
    "verify_code",
    "verify_math",
]
