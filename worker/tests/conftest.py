"""One thread: tensors of tests are too small to share out, and waiting for each other takes most of the time."""

import os

# Before anything imports Triton: its kernels run on the CPU, as ordinary Python.
os.environ["TRITON_INTERPRET"] = "1"

import torch

torch.set_num_threads(1)
