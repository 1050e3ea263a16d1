"""The models of bench:engine, trained and sampled by PyTorch and transformers on the CPU.

Reads one JSON request from standard input, as bench/engine/peer.ts writes it; prints one JSON object.
"""

import json
import sys
import time

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM


def build(config: dict) -> Qwen2ForCausalLM:
    """Creates float32 weights, with the default attention implementation of transformers."""
    torch.manual_seed(1)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=config["vocabSize"],
            hidden_size=config["hiddenSize"],
            num_hidden_layers=config["layers"],
            num_attention_heads=config["heads"],
            num_key_value_heads=config["keyValueHeads"],
            head_dim=config["headSize"],
            intermediate_size=config["intermediateSize"],
            max_position_embeddings=config["maxPositions"],
            rms_norm_eps=config["normEpsilon"],
            tie_word_embeddings=config["tieEmbeddings"],
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=0,
        )
    ).float()


def train(config: dict, rows: int, positions: int, rounds: int) -> float:
    """Returns the duration of the fastest complete step in milliseconds: forward, clipped policy loss, backward,
    AdamW."""
    model = build(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    count = torch.arange(positions + 1)
    tokens = (7 * count[None] + 3 * torch.arange(rows)[:, None]) % config["vocabSize"]
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    weights = (count[1:] >= positions // 2).float() / (rows * positions)
    advantages = (torch.arange(rows) % 2 - 0.5)[:, None]

    def step() -> None:
        logits = model(input_ids=inputs, use_cache=False).logits
        logprobs = torch.log_softmax(logits, -1).gather(-1, targets[..., None])[..., 0]
        ratio = torch.exp(logprobs + 4)
        surrogate = torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
        (-(surrogate * weights).sum()).backward()
        optimizer.step()
        optimizer.zero_grad()

    step()
    return 1000 * min(timed(step) for _ in range(rounds))


def sample(config: dict, sequences: int, max_tokens: int, rounds: int) -> float:
    """Returns the tokens per second of `generate`, best of `rounds`, with 8 completions per prompt of 16
    tokens."""
    model = build(config).eval()
    prompts = (7 * torch.arange(sequences // 8)[:, None] + 3 * torch.arange(16)[None]) % config["vocabSize"]
    prompts = prompts.repeat_interleave(8, 0)

    def generate() -> None:
        out = model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            do_sample=True,
            top_k=0,
            max_new_tokens=max_tokens,
            min_new_tokens=max_tokens,
        )
        assert out.shape == (sequences, 16 + max_tokens)

    with torch.inference_mode():
        timed(generate)
        return sequences * max_tokens / min(timed(generate) for _ in range(rounds))


def timed(run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    request = json.load(sys.stdin)
    torch.set_num_threads(request["threads"])
    models = request["models"]
    training = [
        train(models[job["model"]], job["rows"], job["positions"], request["rounds"]) for job in request["training"]
    ]
    sampling = [
        sample(models[job["model"]], job["sequences"], job["maxTokens"], request["rounds"])
        for job in request["sampling"]
    ]
    print(json.dumps({"torch": torch.__version__, "stepMs": training, "tokensPerSecond": sampling}))


main()
