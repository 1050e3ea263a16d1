"""Writes test/golden/bandits.json: choices of UCB, Thompson sampling and LinUCB on recorded rewards, by numpy and scipy.

    python scripts/make-bandit-golden.py
"""

import json
import math
from pathlib import Path

import numpy as np
from scipy.stats import beta

TURNS = 200


def ucb(means, tape):
    pulls, sums, choices = np.zeros(len(means)), np.zeros(len(means)), []
    for turn in range(TURNS):
        untried = np.flatnonzero(pulls == 0)
        if len(untried):
            arm = int(untried[0])
        else:
            arm = int(np.argmax(sums / pulls + np.sqrt(0.5 * math.log(turn) / pulls)))
        sums[arm] += tape[arm][int(pulls[arm])]
        pulls[arm] += 1
        choices.append(arm)
    return choices


def thompson(means, tape, uniforms):
    wins, pulls, choices = np.zeros(len(means)), np.zeros(len(means), int), []
    for turn in range(TURNS):
        drawn = beta.ppf(uniforms[turn], 1 + wins, 1 + pulls - wins)
        arm = int(np.argmax(drawn))
        wins[arm] += tape[arm][pulls[arm]]
        pulls[arm] += 1
        choices.append(arm)
    return choices


def lin_ucb(weights, contexts, noise):
    arms, features = weights.shape
    design = np.stack([np.eye(features)] * arms)
    response, pulls, choices = np.zeros((arms, features)), np.zeros(arms, int), []
    for turn in range(TURNS):
        x = contexts[turn]
        inverse = np.linalg.inv(design)
        value = np.einsum("aij,aj,i->a", inverse, response, x)
        bonus = 0.5 * np.sqrt(np.einsum("i,aij,j->a", x, inverse, x))
        arm = int(np.argmax(value + bonus))
        reward = float(weights[arm] @ x + noise[arm][pulls[arm]])
        design[arm] += np.outer(x, x)
        response[arm] += reward * x
        pulls[arm] += 1
        choices.append(arm)
    return choices


def main():
    rng = np.random.default_rng(20261130)
    means = [0.4, 0.4, 0.6, 0.4, 0.4]
    tape = [[int(rng.random() < mean) for _ in range(TURNS)] for mean in means]
    uniforms = rng.random((TURNS, len(means))).round(6)
    weights = rng.uniform(-1, 1, (4, 3)).round(4)
    contexts = rng.uniform(-1, 1, (TURNS, 3)).round(4)
    noise = rng.normal(0, 0.3, (4, TURNS)).round(4)
    regret = lambda choices: sum(max(means) - means[arm] for arm in choices)
    best = (contexts @ weights.T).max(axis=1)
    linear = lin_ucb(weights, contexts, noise)
    plays = {"ucb": ucb(means, tape), "thompson": thompson(means, tape, uniforms)}
    golden = {
        "bernoulli": {
            "means": means,
            "tape": ["".join(map(str, row)) for row in tape],
            "uniforms": uniforms.tolist(),
            **{name: {"choices": choices, "regret": regret(choices)} for name, choices in plays.items()},
        },
        "contextual": {
            "weights": weights.tolist(),
            "contexts": contexts.tolist(),
            "noise": noise.tolist(),
            "lin-ucb": {
                "choices": linear,
                "regret": float(sum(best[t] - weights[arm] @ contexts[t] for t, arm in enumerate(linear))),
            },
        },
    }
    path = Path(__file__).parent.parent / "test" / "golden" / "bandits.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
