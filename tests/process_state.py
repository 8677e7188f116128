"""Everything of a process that an import could change for all other code in it.

`python -m tests.process_state MODULES PACKAGES [FUNCTION]` imports MODULES, then PACKAGES, calls a
function of the last one, and prints as JSON what the second and the third changed. `fcntl` and
`os.sched_getaffinity`, which not every system has, are taken away before PACKAGES.
"""

import atexit
import concurrent.futures.process  # which registers itself, as the next one does
import concurrent.futures.thread  # noqa: F401
import decimal
import faulthandler
import gc
import hashlib
import importlib
import json
import locale
import logging
import multiprocessing
import os
import random
import resource
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

State = dict[str, Any]


def state(modules: set[str]) -> State:
    """The state that can be compared, including that of the frameworks among `modules`."""
    found: State = {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "import path": [*sys.path],
        "import hooks": [str(finder) for finder in (*sys.meta_path, *sys.path_hooks)],
        "locale": locale.setlocale(locale.LC_ALL),
        "signals": [str(signal.getsignal(number)) for number in signal.valid_signals()],
        "warnings": [str(item) for item in warnings.filters],
        "showing warnings": str(warnings.showwarning),
        "loggers": _loggers(),
        "logging disabled": logging.root.manager.disable,
        "NumPy errors": np.geterr(),
        "NumPy printing": np.get_printoptions() | {"formatter": None},
        "random numbers": _digest(random.getstate()),
        "NumPy random numbers": _digest(np.random.get_state()),
        "decimal": str(decimal.getcontext()),
        "recursion": sys.getrecursionlimit(),
        "switching": sys.getswitchinterval(),
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "hooks": [str(hook) for hook in (sys.excepthook, threading.excepthook, sys.displayhook)],
        "streams": [id(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "at exit": atexit._ncallbacks(),
        "faulthandler": faulthandler.is_enabled(),
        "threads": threading.active_count(),
        "start of processes": multiprocessing.get_start_method(allow_none=True),
        "sockets": socket.getdefaulttimeout(),
        "limits": [resource.getrlimit(kind) for kind in (resource.RLIMIT_NOFILE,
                                                         resource.RLIMIT_AS)],
        "figures": sys.modules["matplotlib"].rcParams.copy() if "matplotlib" in modules else None,
        "memory given back": _memory_is_given_back(),
    }  # fmt: skip
    for name in modules & _FRAMEWORKS.keys():
        found |= {f"{name}: {key}": value for key, value in _FRAMEWORKS[name]().items()}
    return found


def _loggers() -> State:
    """Levels and handlers of all loggers, except new ones without either."""
    there = {"": logging.root} | {
        name: logger
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    described = {
        name: (logger.level, logger.disabled, logger.propagate, [str(h) for h in logger.handlers])
        for name, logger in there.items()
    }
    return {name: value for name, value in described.items() if value != (0, False, True, [])}


def _digest(value: object) -> str:
    with np.printoptions(threshold=10**6):
        return hashlib.sha256(repr(value).encode()).hexdigest()


def _memory_is_given_back() -> bool:
    """Whether the pages of a freed array are returned to the system."""
    pages = 10_000

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones(pages * resource.getpagesize(), np.uint8)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    return faults() > 10  # a huge page is 512


def _torch() -> State:
    import torch

    return {
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "dtype": str(torch.get_default_dtype()),
        "device": str(torch.get_default_device()),
        "gradients": (torch.is_grad_enabled(), torch.is_anomaly_enabled()),
        "deterministic": torch.get_deterministic_debug_mode(),
        "products": torch.get_float32_matmul_precision(),
        "seed": torch.initial_seed(),
        "random numbers": _digest(torch.get_rng_state().tolist()),
        "cuDNN": [getattr(torch.backends.cudnn, name) for name in (
            "enabled", "benchmark", "deterministic", "allow_tf32")],
        "oneDNN": torch.backends.mkldnn.enabled,
        "denormals": (torch.tensor(1e-310, dtype=torch.float64) / 2).item(),
    }  # fmt: skip


def _jax() -> State:
    import jax
    from jax._src import xla_bridge

    values = {name: str(value) for name, value in jax.config.values.items()}
    return values | {"started": xla_bridge.backends_are_initialized()}


def _tensorflow() -> State:
    import keras
    import tensorflow as tf

    return {
        "threads": (
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.threading.get_inter_op_parallelism_threads(),
        ),
        "eager": (tf.executing_eagerly(), tf.config.functions_run_eagerly()),
        "compiling": (tf.config.optimizer.get_jit(),
                      tf.config.optimizer.get_experimental_options()),
        "placement": tf.config.get_soft_device_placement(),
        "logging": tf.get_logger().level,
        "keras": (keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(),
                  keras.config.backend(), keras.config.dtype_policy().name,
                  keras.config.is_traceback_filtering_enabled()),
    }  # fmt: skip


def _mxnet() -> State:
    import mxnet

    return {
        "training": (mxnet.autograd.is_training(), mxnet.autograd.is_recording()),
        "context": str(mxnet.context.current_context()),
        "arrays of NumPy": (mxnet.util.is_np_array(), mxnet.util.is_np_shape()),
    }


_FRAMEWORKS: dict[str, Callable[[], State]] = {
    "torch": _torch,
    "jax": _jax,
    "tensorflow": _tensorflow,
    "mxnet": _mxnet,
}


def _changed(before: State, after: State) -> State:
    return {key: (before[key], after[key]) for key in before if before[key] != after[key]}


def main(modules: str, packages: str, call: str = "") -> None:
    """Print what importing `packages` changes, and what a function of the last one changes."""
    names = set(filter(None, modules.split(",")))
    for name in names:
        importlib.import_module(name)
    sys.modules["fcntl"] = None  # type: ignore[assignment]
    del os.sched_getaffinity, os.sched_setaffinity
    states = [state(names)]
    for name in packages.split(","):
        package = importlib.import_module(name)
    states.append(state(names))
    result = getattr(package, call)() if call else None
    states.append(state(names))
    imported, called = (_changed(*pair) for pair in pairwise(states))
    print(json.dumps({"imported": imported, "called": called, "result": result}, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
