"""Plugin of vLLM: a weight-transfer backend that reads safetensors from a folder (`--weight-transfer-config`).

Runs inside the server, where vLLM is installed. `worker/vllm_plugin` registers it as an entry point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor
from vllm.distributed.weight_transfer.base import (
    WeightTransferEngine,
    WeightTransferInitInfo,
    WeightTransferUpdateInfo,
)
from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory
from vllm.model_executor.model_loader.reload import finalize_layerwise_reload, initialize_layerwise_reload

BACKEND = "gradus_folder"


@dataclass
class FolderInit(WeightTransferInitInfo):
    """Has no fields, because nothing is negotiated."""


@dataclass
class FolderUpdate(WeightTransferUpdateInfo):
    folder: str
    """A Hugging Face folder on a disk that this server mounts."""


class FolderEngine(WeightTransferEngine[FolderInit, FolderUpdate]):
    """Loads a checkpoint over the running model."""

    init_info_cls = FolderInit
    update_info_cls = FolderUpdate

    def init_transfer_engine(self, init_info: FolderInit) -> None:
        """Does nothing: no connection is needed."""

    def start_weight_update(self) -> None:
        initialize_layerwise_reload(self.model)

    def update_weights(self, update_info: dict[str, Any]) -> None:
        # Do not call the base class: it would then wait for an accelerator, which a CPU build lacks.
        self.receive_weights(self.parse_update_info(update_info))

    def receive_weights(self, update_info: FolderUpdate) -> None:
        for file in sorted(Path(update_info.folder).glob("*.safetensors")):
            self.model.load_weights(_tensors(file))

    def finish_weight_update(self) -> None:
        finalize_layerwise_reload(self.model, self.model_config)
        self._pack_tied_head()

    def shutdown(self) -> None:
        """Does nothing."""

    def _pack_tied_head(self) -> None:
        """Updates the head of tied embeddings: a CPU build makes a packed copy at the start, which no tensor of the
        checkpoint replaces.
        """
        if not getattr(self.model_config.hf_config, "tie_word_embeddings", False):
            return
        head, embedding = self.model.lm_head, self.model.model.embed_tokens
        if head is not embedding:
            head.weight = embedding.weight
            head.quant_method.process_weights_after_loading(head)


def _tensors(file: Path) -> Iterator[tuple[str, Tensor]]:
    with safe_open(file, framework="pt") as content:
        for name in content.keys():
            yield name, content.get_tensor(name)


def register() -> None:
    """Registers the backend. vLLM calls this in every process, possibly twice."""
    try:
        WeightTransferEngineFactory.register_engine(BACKEND, __name__, FolderEngine.__name__)
    except ValueError:
        return
