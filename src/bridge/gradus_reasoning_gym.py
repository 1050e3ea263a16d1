"""Adapter for reasoning-gym: tasks with the package's difficulty settings, and its scorers."""

import hashlib
import json
import math

from gradus_guarded import Guard
from reasoning_gym import factory
from reasoning_gym.coaching.base_curriculum import DefaultCurriculumContext, RangeAttributeMode

# Maximum length of a field that a template may contain.
MAX_FIELD = 2000
# Number of entries in a dataset; entries are generated on demand.
SIZE = 1_000_000


class Adapter:
    def __init__(self, options, max_seconds):
        self.datasets = {}
        self.guard = Guard(options["maxCpuSeconds"], max_seconds) if options.get("isGuarded") else None

    def about(self):
        return {}

    def tasks(self, request):
        """Returns the entries from index "from" on. Entry i depends only on the dataset's configuration, the seed
        and i."""
        dataset = self.dataset(request["dataset"])
        entries = ((i, dataset[i]) for i in range(request["from"], request["from"] + request["count"]))
        return {"total": None, "tasks": [task_of(i, entry) for i, entry in entries]}

    def score(self, request):
        task, answer = request["task"], request["answer"]
        dataset = self.dataset(task["dataset"])
        entry = dataset[task["index"]]
        if digest(entry["question"]) != task["digest"]:
            raise ValueError("expected the question that the problem was made with; load the problems again")

        def score():
            return dataset.score_answer(answer, entry)

        found = score() if self.guard is None else self.guard.call(score)
        if found is None:
            return {"score": None}
        if not math.isfinite(found):
            raise ValueError(f"expected a finite score, got {found}")
        return {"score": min(1.0, max(0.0, float(found)))}

    def dataset(self, given):
        key = json.dumps(given, sort_keys=True)
        if key not in self.datasets:
            self.datasets[key] = create(given)
        return self.datasets[key]


def create(given):
    name, knob = given["name"], given.get("knob")
    if name not in factory.DATASETS:
        known = ", ".join(sorted(factory.DATASETS))
        raise ValueError(f'expected the name of a reasoning-gym dataset, got "{name}"; known: {known}')
    settings = {**given["settings"], "seed": given["seed"], "size": SIZE}
    if knob is None:
        return factory.create_dataset(name, **settings)
    if not factory.has_curriculum(name):
        raise ValueError(f'expected a dataset with difficulty levels, got "{name}", which has none; leave out "knobs"')
    curriculum = factory.create_curriculum(name)
    levels = max((len(one.levels) for one in curriculum.attributes.values()), default=0)
    if knob > levels:
        raise ValueError(f'expected knobs of "{name}" from 1 to {levels}, got {knob}')
    curriculum.set_global_level(knob - 1)
    context = DefaultCurriculumContext(mode=RangeAttributeMode(given["range"]))
    config = curriculum.generate_configuration(settings, context=context)
    config.validate()
    dataset_class, _ = factory.DATASETS[name]
    return dataset_class(config=config)


def task_of(index, entry):
    question, answer = entry["question"], entry["answer"]
    return {
        "task": {"index": index, "digest": digest(question)},
        "prompt": [{"role": "user", "content": question}],
        "answer": answer if isinstance(answer, str) and answer != "" else None,
        "fields": {key: str(value) for key, value in entry["metadata"].items() if is_short(value)},
    }


def is_short(value):
    return (isinstance(value, str) and len(value) <= MAX_FIELD) or type(value) in (int, float)


def digest(question):
    return hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest()[:16]
