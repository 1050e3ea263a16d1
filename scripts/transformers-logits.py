"""Reads {"model", "sequences"} as JSON from stdin; writes float32 logits after each sequence, first those of
transformers, then the worker's.

Used by scripts/compare-with-transformers.ts.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM

sys.path.insert(0, str(Path(__file__).parent.parent / "worker"))

from gradus_worker.model.model_folder import load_model  # noqa: E402
from gradus_worker.model.packed_attention import causal_attention  # noqa: E402

asked = json.load(sys.stdin)
sequences = [torch.tensor(tokens) for tokens in asked["sequences"]]


@torch.no_grad()
def write(logits_of) -> None:
    found = np.stack([logits_of(tokens)[-1].numpy() for tokens in sequences])
    sys.stdout.buffer.write(found.astype("<f4").tobytes())


theirs = AutoModelForCausalLM.from_pretrained(asked["model"], dtype=torch.float32).eval()
write(lambda tokens: theirs(tokens[None]).logits[0])
del theirs
ours = load_model(Path(asked["model"]), "cpu", "float32").model


def logits(tokens: torch.Tensor) -> torch.Tensor:
    attend = causal_attention("per-sequence", [len(tokens)], ours.device, rules=ours.config.attention)
    return ours.logits(ours.hidden(tokens, torch.arange(len(tokens)), attend))


write(logits)
