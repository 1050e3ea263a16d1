"""Gradus verdicts as verl's reward: `custom_reward_function.path=verl_reward.py`. Needs a running `gradus serve verifier`."""
import json
import os
import urllib.request

URL = os.environ.get("GRADUS_URL", "http://127.0.0.1:8377")
HEADERS = {"content-type": "application/json", "authorization": "Bearer " + os.environ.get("GRADUS_TOKEN", "")}


def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """Returns the verdict's score; 1.0 means correct. `ground_truth`: the gold answer, or tests in any format
    that Gradus reads.

    Also logs the outcome. verl cannot represent "not judged", so `ungradable` has score 0: look for it in the outcomes."""
    is_code = isinstance(ground_truth, dict) or str(ground_truth).lstrip()[:2] in ('{"', "[{")
    what = {"problem": {"ground_truth": ground_truth}} if is_code else {"gold": str(ground_truth)}
    body = json.dumps({**what, "completion": solution_str}).encode()
    request = urllib.request.Request(URL + "/verify", body, HEADERS)
    with urllib.request.urlopen(request, timeout=600) as response:
        verdict = json.load(response)
    return {"score": verdict["score"], "acc": verdict["outcome"] == "correct", "outcome": verdict["outcome"]}
