"""Whole GRPO steps of `trl` (GRPOTrainer) or `loop` (generate, advantages, loss and AdamW in plain PyTorch).

Arguments: `trl` or `loop`, and a workload as JSON. Prints one JSON line when ready and one after each turn. A line on
standard input starts a turn.
"""

import json
import re
import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

LEARNING_RATE = 1e-7


class Turns:
    """Counts steps, prints a line after each turn and waits for the next."""

    def __init__(self, steps_per_turn: int) -> None:
        self.steps_per_turn, self.taken, self.warm = steps_per_turn, 0, False
        self.tokens, self.phases = 0, {}

    def spent(self, phase: str, seconds: float) -> None:
        self.phases[phase] = self.phases.get(phase, 0) + seconds

    def after_step(self) -> None:
        self.taken += 1
        if self.warm and self.taken < self.steps_per_turn:
            return
        phases = {name: seconds / self.taken for name, seconds in self.phases.items()}
        print(json.dumps({"tokens": self.tokens / self.taken, "phases": phases}), flush=True)
        self.taken, self.tokens, self.phases, self.warm = 0, 0, {}, True
        if not sys.stdin.readline():
            sys.exit(0)


def reward_of(text: str, answer: str, kind: str) -> float:
    if kind == "coin":
        return float(sum(map(ord, text)) % 2 == 0)
    found = re.findall(r"\\boxed\{([^{}]*)\}", text)
    return float(bool(found) and found[-1].replace(" ", "") == answer.replace(" ", ""))


def read_problems(work: dict, tokenizer) -> list[dict]:
    with open(f"{work['folder']}/problems.jsonl", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [{"prompt": rendered(row["prompt"], tokenizer), "answer": row["answer"]} for row in rows]


def rendered(prompt: str, tokenizer) -> str:
    messages = [{"role": "user", "content": prompt}]
    return tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)


def run_trl(work: dict, turns: Turns) -> None:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(work["model"])

    def reward(completions, answer, completion_ids, **_):
        turns.tokens += sum(len(ids) for ids in completion_ids)
        return [reward_of(text, gold, work["reward"]) for text, gold in zip(completions, answer)]

    class Gate(TrainerCallback):
        def on_step_end(self, *_args, **_kwargs):
            turns.after_step()

    config = GRPOConfig(
        output_dir=f"{work['folder']}/trl",
        use_cpu=True,
        bf16=False,
        per_device_train_batch_size=work["prompts"] * work["groupSize"],
        num_generations=work["groupSize"],
        max_completion_length=work["maxTokens"],
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        beta=0.0,
        loss_type="dapo",
        learning_rate=LEARNING_RATE,
        lr_scheduler_type="constant",
        gradient_checkpointing=False,
        max_steps=1_000_000,
        logging_strategy="no",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    model = AutoModelForCausalLM.from_pretrained(work["model"], dtype=torch.float32)
    GRPOTrainer(
        model=model,
        args=config,
        reward_funcs=reward,
        train_dataset=Dataset.from_list(read_problems(work, tokenizer)),
        processing_class=tokenizer,
        callbacks=[Gate()],
    ).train()


def run_loop(work: dict, turns: Turns) -> None:
    tokenizer = AutoTokenizer.from_pretrained(work["model"], padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(work["model"], dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0, fused=True)
    problems, size, step = read_problems(work, tokenizer), work["groupSize"], 0
    while True:
        start = time.perf_counter()
        chosen = [problems[(step * work["prompts"] + i) % len(problems)] for i in range(work["prompts"])]
        inputs = tokenizer([one["prompt"] for one in chosen], return_tensors="pt", padding=True, add_special_tokens=False)
        given = inputs.input_ids.shape[1]
        model.eval()
        with torch.inference_mode():
            whole = model.generate(
                **inputs,
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                num_return_sequences=size,
                max_new_tokens=work["maxTokens"],
            )
        whole, written = whole.clone(), whole[:, given:]
        ended = (written == tokenizer.eos_token_id).cumsum(1)
        mask = ((ended - (written == tokenizer.eos_token_id).long()) == 0).float()
        generated = time.perf_counter()
        texts = tokenizer.batch_decode(written, skip_special_tokens=True)
        rewards = torch.tensor(
            [reward_of(text, chosen[i // size]["answer"], work["reward"]) for i, text in enumerate(texts)]
        )
        groups = rewards.view(-1, size)
        advantages = ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 1e-6)).view(-1, 1)
        judged = time.perf_counter()
        model.train()
        attention = torch.cat([inputs.attention_mask.repeat_interleave(size, 0), mask.long()], 1)
        logits = model(input_ids=whole, attention_mask=attention, use_cache=False).logits[:, given - 1 : -1]
        logprobs = torch.log_softmax(logits, -1).gather(-1, whole[:, given:, None])[..., 0]
        ratio = torch.exp(logprobs - logprobs.detach())
        surrogate = torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
        (-(surrogate * mask).sum() / mask.sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        turns.spent("generate", generated - start)
        turns.spent("judge", judged - generated)
        turns.spent("learn", time.perf_counter() - judged)
        turns.tokens += int(mask.sum())
        step += 1
        turns.after_step()


def main() -> None:
    peer, work = sys.argv[1], json.loads(sys.argv[2])
    torch.set_num_threads(work["threads"])
    turns = Turns(work["stepsPerTurn"])
    {"trl": run_trl, "loop": run_loop}[peer](work, turns)


main()
