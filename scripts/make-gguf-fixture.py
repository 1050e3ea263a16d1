"""Makes test/golden/gguf: small GGUF files and the values that the reference implementations read
from them.

    pip install torch==2.13.0 transformers gguf accelerate
    python scripts/make-gguf-fixture.py

blocks.json   two random blocks of every element type, with the float32 values that `gguf` (llama.cpp's package) decodes
llama.gguf    a random Llama model with byte-level BPE and several element types
spm.gguf      a random Llama model with a SentencePiece vocabulary
qwen2.gguf    a random Qwen2 model, with biases
qwen3.gguf    a random Qwen3 model, with norms of queries and keys
expected.json logits and token ids by transformers, which reads the same files
"""

import json
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from transformers import AutoModelForCausalLM, AutoTokenizer

GOLDEN = Path(__file__).parent.parent / "test" / "golden" / "gguf"
TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
TEXTS = ["the hat  is 12", "it's\n\ta tea. then", "héat<e>"]
HIDDEN, INNER, HEADS, KEY_HEADS, SIZE, LAYERS = 32, 32, 2, 1, 16, 2


def blocks(rng: np.random.Generator) -> dict[str, dict]:
    found = {}
    for name in TYPES:
        kind = Type[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        count = max(2, 8 // elements)
        raw = rng.integers(0, 256, (count, size), dtype=np.uint8)
        # Scales are float16: keep their exponents small, so that all values are finite.
        for at in scale_bytes(name, size):
            raw[:, at + 1] = (raw[:, at + 1] & 0x83) | 0x2C
        values = gguf.quants.dequantize(raw.reshape(-1), kind) if elements == 1 else gguf.quants.dequantize(raw, kind)
        found[name] = {
            "type": int(kind), "bytes": raw.tobytes().hex(), "values": [float(v) for v in values.astype(np.float32).reshape(-1)],
        }  # fmt: skip
    return found


def scale_bytes(name: str, size: int) -> list[int]:
    return {
        "F16": [0], "BF16": [0], "F32": [2], "Q4_1": [0, 2], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108],
        "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    }.get(name, [0])  # fmt: skip


def byte_level_vocabulary() -> tuple[list[str], list[int], list[str]]:
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    merges = ["t h", "th e", "Ġ t", "a t", "h at", "Ġ h", "Ġh at", "i s", "Ġ is", "Ġ a"]
    tokens = ["<e>", "<u>", *bytes_to_unicode().values()]
    tokens += [merge.replace(" ", "") for merge in merges]
    return tokens, [3, 3] + [1] * (len(tokens) - 2), merges


def sentence_piece_vocabulary() -> tuple[list[str], list[int], list[float]]:
    words = ["▁", "t", "h", "e", "a", "i", "s", "n", "1", "2", ".", "th", "the", "▁t", "▁the", "at", "hat", "▁hat", "▁is", "is"]
    tokens = ["<unk>", "<s>", "<e>", "<u>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    kinds = [2, 3, 3, 3] + [6] * 256 + [1] * len(words)
    return tokens, kinds, [0.0] * 260 + [-float(i) for i in range(len(words))]


def paired(weight: np.ndarray, heads: int) -> np.ndarray:
    """Orders rows as llama.cpp stores q and k of Llama: elements that rotate together are adjacent."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def write(name: str, architecture: str, vocabulary: list[str], fill) -> None:
    rng = np.random.default_rng(len(name))
    writer = gguf.GGUFWriter(GOLDEN / f"{name}.gguf", architecture)
    writer.add_context_length(256)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_key_length(SIZE)
    writer.add_value_length(SIZE)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(500.0)
    writer.add_vocab_size(len(vocabulary))
    fill(writer)

    def add(tensor: str, values: np.ndarray, kind: Type = Type.F32) -> None:
        writer.add_tensor(tensor, gguf.quants.quantize(values.astype(np.float32), kind), raw_dtype=kind)

    def random(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32) * 0.2

    add("token_embd.weight", random(len(vocabulary), HIDDEN), Type.Q8_0)
    add("output_norm.weight", 1 + random(HIDDEN))
    kinds = [Type.Q4_0, Type.Q4_1, Type.F16, Type.BF16]
    for layer in range(LAYERS):
        start = f"blk.{layer}"
        for at, (part, rows, columns, heads) in enumerate([
            ("attn_q", HEADS * SIZE, HIDDEN, HEADS), ("attn_k", KEY_HEADS * SIZE, HIDDEN, KEY_HEADS),
            ("attn_v", KEY_HEADS * SIZE, HIDDEN, None), ("attn_output", HIDDEN, HEADS * SIZE, None),
            ("ffn_gate", INNER, HIDDEN, None), ("ffn_up", INNER, HIDDEN, None), ("ffn_down", HIDDEN, INNER, None),
        ]):  # fmt: skip
            weight = random(rows, columns)
            ordered = paired(weight, heads) if heads is not None and architecture == "llama" else weight
            add(f"{start}.{part}.weight", ordered, kinds[(at + layer) % 4])
            if architecture == "qwen2" and part in ("attn_q", "attn_k", "attn_v"):
                add(f"{start}.{part}.bias", random(rows))
        if architecture == "qwen3":
            for part in ("attn_q_norm", "attn_k_norm"):
                add(f"{start}.{part}.weight", 1 + random(SIZE))
        for part in ("attn_norm", "ffn_norm"):
            add(f"{start}.{part}.weight", 1 + random(HIDDEN))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def reference(name: str) -> dict:
    # transformers does not read the head size of Qwen3 files.
    settings = {"head_dim": SIZE} if name == "qwen3" else {}
    model = AutoModelForCausalLM.from_pretrained(GOLDEN, gguf_file=f"{name}.gguf", dtype=torch.float32, **settings)
    tokenizer = AutoTokenizer.from_pretrained(GOLDEN, gguf_file=f"{name}.gguf")
    tokens = torch.randint(0, model.config.vocab_size, (1, 12), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logprobs = model(tokens).logits[0].log_softmax(-1)
    chosen = logprobs[:-1].gather(1, tokens[0, 1:, None])[:, 0]
    return {
        "tokens": tokens[0].tolist(), "logprobs": [round(value, 6) for value in chosen.tolist()],
        "texts": [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False)} for text in TEXTS],
    }  # fmt: skip


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    (GOLDEN / "blocks.json").write_text(json.dumps(blocks(np.random.default_rng(7))))
    tokens, kinds, merges = byte_level_vocabulary()

    def byte_level(writer: gguf.GGUFWriter) -> None:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("qwen2")
        writer.add_token_list(tokens)
        writer.add_token_types(kinds)
        writer.add_token_merges(merges)
        writer.add_eos_token_id(0)
        writer.add_chat_template("{% for message in messages %}<u>{{ message['content'] }}<e>{% endfor %}")

    for architecture in ("llama", "qwen2", "qwen3"):
        write(architecture, architecture, tokens, byte_level)
    pieces, kinds_of_pieces, scores = sentence_piece_vocabulary()

    def sentence_piece(writer: gguf.GGUFWriter) -> None:
        writer.add_tokenizer_model("llama")
        writer.add_token_list(pieces)
        writer.add_token_types(kinds_of_pieces)
        writer.add_token_scores(scores)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)
        writer.add_add_bos_token(True)

    write("spm", "llama", pieces, sentence_piece)
    (GOLDEN / "expected.json").write_text(json.dumps({name: reference(name) for name in ("llama", "qwen2", "qwen3", "spm")}))


if __name__ == "__main__":
    main()
