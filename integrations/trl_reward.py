"""Gradus verdicts as TRL's reward: `GRPOTrainer(reward_funcs=gradus_reward, ...)`. Needs a running `gradus serve verifier`."""
import json
import os
import urllib.request

URL = os.environ.get("GRADUS_URL", "http://127.0.0.1:8377")
HEADERS = {"content-type": "application/json", "authorization": "Bearer " + os.environ.get("GRADUS_TOKEN", "")}


def gradus_reward(completions, answer=None, problem=None, **_):
    """Returns one score per completion; None if it was not judged. The data set needs a column `answer` (gold answers)
    or `problem` (rows with tests)."""
    texts = [text if isinstance(text, str) else text[-1]["content"] for text in completions]
    golds = [{"gold": str(a)} for a in answer] if problem is None else [{"problem": p} for p in problem]
    items = [{**gold, "completion": text} for gold, text in zip(golds, texts, strict=True)]
    request = urllib.request.Request(URL + "/verify/batch", json.dumps({"items": items}).encode(), HEADERS)
    with urllib.request.urlopen(request, timeout=600) as response:
        verdicts = json.load(response)["verdicts"]
    return [None if v["outcome"] == "ungradable" else v["score"] for v in verdicts]
