"""The devices of this machine, and what the framework keeps in memory."""

import gc

import mxnet

__all__ = ["clear_caches", "devices", "try_gpu"]


def devices() -> list[str]:
    """The devices of this machine that this backend can use, best first."""
    return [*(f"gpu: number {i}" for i in range(mxnet.context.num_gpus())), "cpu"]


def try_gpu(i: int = 0) -> mxnet.Context:
    """GPU `i`, or the CPU without one (chapter section 6.7.2)."""
    return mxnet.gpu(i) if mxnet.context.num_gpus() > i else mxnet.cpu()


def clear_caches() -> None:
    """Free what the framework keeps of networks that are gone."""
    gc.collect()
    for index in range(mxnet.context.num_gpus()):
        mxnet.gpu(index).empty_cache()
