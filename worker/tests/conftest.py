"""One thread: tensors of tests are too small to share out, and waiting for each other takes most of the time."""

import torch

torch.set_num_threads(1)
