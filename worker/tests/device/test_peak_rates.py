"""Peak rates, and operation counts compared with counts by hand."""

from dataclasses import replace

import torch
from conftest import TINY

from gradus_worker.device.peak_rates import measure_peak_rates
from gradus_worker.learning.flops import product_weights, training_flops
from gradus_worker.model.model_folder import random_model


def test_product_weights_count_the_embedding_only_as_head() -> None:
    for ties in (True, False):
        config = replace(TINY, tie_embeddings=ties)
        model = random_model(config, torch.device("cpu"), torch.float32, 0)
        matrices = sum(weight.numel() for weight in model.weights.values() if weight.dim() == 2)
        embedding = config.vocab_size * config.hidden_size
        assert product_weights(config) == matrices - (0 if ties else embedding)


def test_training_flops_equal_a_count_by_hand() -> None:
    dense, per_square = 6 * product_weights(TINY), 6 * TINY.layers * TINY.heads * TINY.head_size
    assert training_flops(TINY, [3, 5]) == 8 * dense + (9 + 25) * per_square
    assert training_flops(TINY, [4], is_low_rank=True) == 4 * dense * 4 / 6 + 16 * per_square


def test_peak_rates_are_measured() -> None:
    found = measure_peak_rates(torch.device("cpu"), torch.float32)
    assert 1e8 < found.product_flops < 1e16
    assert 1e7 < found.copy_bytes < 1e14
