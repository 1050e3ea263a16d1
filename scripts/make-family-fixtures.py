"""Makes test/golden/families: a tiny random model of every supported family, and the outputs of transformers for it.

    pip install torch==2.13.0 transformers==5.23.0
    python scripts/make-family-fixtures.py [folder]

Each folder has `config.json`, `model.safetensors`, a tokenizer and `expected.json`: token ids, float32 logits of the last
positions, the log-probability of every token, a greedy continuation, and two numbers of the gradient of the mean
log-probability for every weight (see `gradient_of`). Running it again gives the same numbers.
"""

import json
import shutil
import sys
import tempfile
from copy import deepcopy
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

GOLDEN = Path(__file__).parent.parent / "test" / "golden" / "families"
VOCABULARY, LENGTH, WRITTEN = 40, 24, 12
SHAPE = dict(
    vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=8, max_position_embeddings=64, bos_token_id=None, eos_token_id=0, pad_token_id=None,
)  # fmt: skip
NO_HEAD_SIZE = {key: value for key, value in SHAPE.items() if key != "head_dim"} | {"hidden_size": 32}
MIXED = ["sliding_attention", "full_attention"]
YARN = {"rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0, "original_max_position_embeddings": 16}
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip
LINEAR = {"rope_type": "linear", "rope_theta": 100.0, "factor": 3.0}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 100.0, "factor": 3.0}
LONG = {
    "rope_type": "longrope", "rope_theta": 100.0, "short_factor": [1.0, 1.3, 2.0], "long_factor": [1.0, 4.0, 8.0],
}  # fmt: skip
LOCAL = {
    "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
    "full_attention": {"rope_type": "linear", "rope_theta": 1000.0, "factor": 2.0},
}

FAMILIES: dict[str, tuple[str, dict]] = {
    "llama-biases": ("Llama", {**SHAPE, "attention_bias": True, "mlp_bias": True, "rope_parameters": LLAMA3}),
    "llama-linear": ("Llama", {**SHAPE, "tie_word_embeddings": True, "rope_parameters": LINEAR}),
    "llama-dynamic": ("Llama", {**SHAPE, "rope_parameters": DYNAMIC}),
    "qwen2-yarn": ("Qwen2", {**NO_HEAD_SIZE, "rope_parameters": YARN}),
    "qwen2-window": ("Qwen2", {
        **NO_HEAD_SIZE, "use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1,
    }),
    "qwen3": ("Qwen3", {**SHAPE, "tie_word_embeddings": True}),
    "qwen3-biases": ("Qwen3", {**SHAPE, "attention_bias": True}),
    "qwen3-moe": ("Qwen3Moe", {
        **SHAPE, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 12, "norm_topk_prob": True,
        "mlp_only_layers": [0],
    }),
    "mistral": ("Mistral", {**SHAPE, "sliding_window": 7}),
    "ministral": ("Ministral", {**SHAPE, "sliding_window": 7, "layer_types": MIXED}),
    "ministral3": ("Ministral3", {
        **SHAPE, "rope_parameters": {**YARN, "llama_4_scaling_beta": 0.1, "original_max_position_embeddings": 40,
                                     "mscale": 1.0, "mscale_all_dim": 0.5},
    }),
    "gemma2": ("Gemma2", {
        **SHAPE, "sliding_window": 7, "query_pre_attn_scalar": 12, "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 3.0,
    }),
    "gemma3": ("Gemma3", {
        **SHAPE, "sliding_window": 7, "query_pre_attn_scalar": 12, "layer_types": MIXED, "rope_parameters": LOCAL,
    }),
    "phi3": ("Phi3", {**NO_HEAD_SIZE, "sliding_window": 7}),
    "phi4-mini": ("Phi3", {
        **NO_HEAD_SIZE, "tie_word_embeddings": True, "original_max_position_embeddings": 40,
        "max_position_embeddings": 160, "partial_rotary_factor": 0.75, "rope_parameters": LONG,
    }),
    "olmo2": ("Olmo2", NO_HEAD_SIZE),
    "smollm3": ("SmolLM3", {**NO_HEAD_SIZE, "no_rope_layers": [1, 0]}),
    "granite": ("Granite", {
        **NO_HEAD_SIZE, "embedding_multiplier": 3.0, "logits_scaling": 2.0, "residual_multiplier": 0.5,
        "attention_multiplier": 0.2,
    }),
}  # fmt: skip


def config_of(name: str):
    kind, settings = FAMILIES[name]
    return getattr(transformers, f"{kind}TextConfig" if kind == "Gemma3" else f"{kind}Config")(**settings)


def make_tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {"<end>": 0}
    for character in "0123456789+-*/=?.,() abcdefghiklmnopqrstuw":
        if len(vocabulary) < VOCABULARY:
            vocabulary[character] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(["<end>"])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")


def make(name: str, target: Path) -> None:
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(config_of(name), dtype=torch.float32, attn_implementation="eager").eval()
    offset = 0.0 if name.startswith("gemma") else 1.0
    with torch.no_grad():
        for key, weight in model.named_parameters():
            # Much larger than initial weights, so that every term affects the logits; exact in bfloat16.
            weight.copy_((torch.randn_like(weight) * 0.3 + (offset if "norm" in key else 0.0)).bfloat16())
    tokens = torch.randint(1, VOCABULARY, (1, LENGTH))
    logits = model(tokens).logits[0]
    logprobs = logits.log_softmax(-1)[:-1].gather(1, tokens[0, 1:, None])[:, 0]
    logprobs.mean().backward()
    greedy = tokens
    with torch.no_grad():
        for _ in range(WRITTEN):
            greedy = torch.cat([greedy, model(greedy).logits[:, -1:].argmax(-1)], 1)
    expected = {
        "tokens": tokens[0].tolist(), "logits": [[round(v, 5) for v in row] for row in logits[-2:].tolist()],
        "logprobs": [round(v, 6) for v in logprobs.tolist()], "greedy": greedy[0, LENGTH:].tolist(),
        "gradient": gradient_of(model),
    }  # fmt: skip
    folder = target / name
    shutil.rmtree(folder, ignore_errors=True)
    model.bfloat16().save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    (folder / "expected.json").write_text(json.dumps(expected))
    for path in folder.iterdir():
        path.chmod(0o644)


def gradient_of(model: torch.nn.Module) -> dict[str, list[float]]:
    """Returns two numbers of the gradient g of every tensor of the checkpoint: sqrt(sum g^2) and sum g_i cos(i + 1)."""
    gradients = {key: value.grad for key, value in model.named_parameters()}
    copy = deepcopy(model)
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        for key, value in copy.named_parameters():
            value.copy_(gradients[key])
        # Through a checkpoint, so that names and shapes are those on disk.
        copy.save_pretrained(folder)
        stored = load_file(Path(folder) / "model.safetensors")
    places = {name: torch.arange(1, value.numel() + 1, dtype=torch.float64).cos() for name, value in stored.items()}
    return {
        name: [float(value.double().norm()), float(value.double().flatten() @ places[name])]
        for name, value in stored.items()
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDEN
    for name in FAMILIES:
        make(name, target)
