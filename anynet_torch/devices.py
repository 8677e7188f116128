"""The devices of this machine, and what the framework keeps in memory."""

import gc

import torch

__all__ = ["clear_caches", "devices", "try_gpu"]


def devices() -> list[str]:
    """The devices of this machine that this backend can use, best first."""
    gpus = [f"gpu: {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    return [*gpus, "cpu"]


def try_gpu(i: int = 0) -> torch.device:
    """GPU `i`, or the CPU without one (chapter section 6.7.2)."""
    return torch.device("cuda", i) if torch.cuda.device_count() > i else torch.device("cpu")


def clear_caches() -> None:
    """Free what the framework keeps of networks that are gone."""
    gc.collect()
    torch.cuda.empty_cache()
