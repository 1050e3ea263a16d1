"""Makes test/golden/parity-{qwen2,llama}: tiny random checkpoints and the reference outputs of transformers.

    pip install torch==2.13.0 transformers
    python scripts/make-parity-fixture.py

Each folder is a Hugging Face model (Qwen2: bfloat16, one file, tied embeddings, chat template; Llama: float32, shards,
Llama 3 rotary scaling, untied) plus `expected.json`: token ids, float32 logits of every position, and the ids of a
conversation rendered by the chat template. Running it again gives the same numbers.
"""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast, Qwen2Config

GOLDEN = Path(__file__).parent.parent / "test" / "golden"
LENGTH = 40
CHARACTERS = "0123456789+-*/=?x.,() abcdefgh\n"
TEMPLATE = (
    "{% for message in messages %}<{{ message['role'][0] }}>{{ message['content'] | trim }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<a>{% endif %}"
)
MESSAGES = [{"role": "system", "content": " be brief "}, {"role": "user", "content": "12+3=?"}]
SHARED = dict(hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)


def make_tokenizer(vocab_size: int, template: str | None) -> PreTrainedTokenizerFast:
    vocab = {"<end>": 0, "<a>": 1, "<u>": 2, "<s>": 3}
    for character in CHARACTERS + "irklmnopqstuvwyz<>":
        vocab.setdefault(character, len(vocab))
    assert len(vocab) <= vocab_size
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(["<end>", "<a>", "<u>", "<s>"])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")
    fast.chat_template = template
    return fast


def make(name: str, config, dtype: torch.dtype, template: str | None, shard_size: str) -> None:
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            # Much larger than initial weights, so that every term affects the logits.
            weight.copy_(torch.randn_like(weight) * 0.2 + (1.0 if "norm" in key else 0.0))
    folder = GOLDEN / f"parity-{name}"
    model.to(dtype).save_pretrained(folder, max_shard_size=shard_size)
    tokenizer = make_tokenizer(config.vocab_size, template)
    tokenizer.save_pretrained(folder)
    tokens = torch.randint(0, config.vocab_size, (1, LENGTH))
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(tokens).logits[0]
    expected = {
        "tokens": tokens[0].tolist(),
        "logits": [[round(value, 6) for value in row] for row in logits.tolist()],
        "messages": MESSAGES,
        "text": "12+3=?",
        "textTokens": tokenizer.encode("12+3=?", add_special_tokens=False),
    }
    if template is not None:
        rendered = tokenizer.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True)
        expected["promptTokens"] = tokenizer.encode(rendered, add_special_tokens=False)
    (folder / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    qwen2 = Qwen2Config(vocab_size=56, tie_word_embeddings=True, rope_theta=1e6, eos_token_id=0, bos_token_id=None, **SHARED)
    make("qwen2", qwen2, torch.bfloat16, TEMPLATE, "1GB")
    scaling = dict(
        rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=16,
    )
    llama = LlamaConfig(
        vocab_size=60, tie_word_embeddings=False, rope_parameters=scaling, max_position_embeddings=128, eos_token_id=0,
        bos_token_id=None, **SHARED,
    )
    make("llama", llama, torch.float32, None, "60KB")
