"""Microbatches and prompts are distributed to ranks completely, once, and evenly."""

import random

import numpy as np
import pytest

from gradus_worker.learning.microbatches import deal_microbatches, plan_microbatches
from gradus_worker.ranks.group_sampler import deal_prompts
from gradus_worker.sampling.completion import SamplePrompt


@pytest.mark.parametrize("seed", range(20))
def test_ranks_get_every_microbatch_once_and_run_equally_many(seed: int) -> None:
    draw = random.Random(seed)
    lengths = [draw.randint(1, 40) for _ in range(draw.randint(0, 30))]
    size, batches = draw.randint(1, 5), plan_microbatches(lengths, 40)
    dealt = [deal_microbatches(batches, lengths, rank, size) for rank in range(size)]
    assert sorted(batch for some in dealt for batch in some if batch is not None) == sorted(batches)
    assert len({len(some) for some in dealt}) == 1
    for batches_of_round in zip(*dealt, strict=True):
        # All rounds except the last are full.
        assert None not in batches_of_round or batches_of_round == tuple(some[-1] for some in dealt)


@pytest.mark.parametrize("seed", range(20))
def test_ranks_get_every_completion_once_under_its_own_key(seed: int) -> None:
    draw = random.Random(seed)
    size = draw.randint(1, 5)
    prompts = [
        SamplePrompt(
            np.array([place], np.int32),
            first_index=draw.randint(0, 9),
            random_keys=np.array([draw.randrange(2**32) for _ in range(draw.randint(0, 9))], np.uint32),
            first_position=place,
        )
        for place in range(draw.randint(0, 8))
    ]
    shares = deal_prompts(prompts, size)
    assert len(shares) == size
    found: dict[tuple[int, int], int] = {}
    for place, piece in (one for share in shares for one in share):
        assert piece.tokens is prompts[place].tokens
        assert piece.first_position == place
        for at, key in enumerate(piece.random_keys.tolist()):
            assert (place, piece.first_index + at) not in found
            found[place, piece.first_index + at] = key
    assert found == {
        (place, prompt.first_index + at): key
        for place, prompt in enumerate(prompts)
        for at, key in enumerate(prompt.random_keys.tolist())
    }


def test_a_single_prompt_is_split_over_the_ranks_and_several_prompts_stay_whole() -> None:
    one = SamplePrompt(np.array([1], np.int32), 0, np.arange(8, dtype=np.uint32))
    assert [[len(piece.random_keys) for _, piece in share] for share in deal_prompts([one], 3)] == [[3], [3], [2]]
    many = deal_prompts([one] * 6, 3)
    assert [[len(piece.random_keys) for _, piece in share] for share in many] == [[8, 8]] * 3
