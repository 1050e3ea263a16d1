from enum import Enum
from types import SimpleNamespace


class RangeAttributeMode(str, Enum):
    UPPER_BOUND = "upper_bound"
    INCLUSIVE = "inclusive"


class DefaultCurriculumContext:
    def __init__(self, mode=RangeAttributeMode.INCLUSIVE):
        self.mode = mode


class Curriculum:
    def __init__(self, config_class):
        self.attributes = {"digits": SimpleNamespace(levels=[1, 2, 3])}
        self.config_class = config_class
        self.level = 0

    def set_global_level(self, level):
        self.level = level

    def generate_configuration(self, defaults, context):
        low = self.level + 1 if context.mode == RangeAttributeMode.UPPER_BOUND else 1
        return self.config_class(**defaults, min_digits=low, max_digits=self.level + 1)
