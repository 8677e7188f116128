"""The devices of this machine, and what the framework keeps in memory."""

import gc

import jax

__all__ = ["clear_caches", "devices", "try_gpu"]


def devices() -> list[str]:
    """The devices of this machine that this backend can use, best first."""
    return [*(f"gpu: {device.device_kind}" for device in _others()), "cpu"]


def try_gpu(i: int = 0) -> jax.Device:
    """GPU `i`, or the CPU without one (chapter section 6.7.2)."""
    others = _others()
    return others[i] if len(others) > i else jax.devices("cpu")[0]


def clear_caches() -> None:
    """Free what the framework keeps of networks that are gone.

    Networks that are not gone are compiled again.
    """
    gc.collect()
    jax.clear_caches()


def _others() -> list[jax.Device]:
    return [device for device in jax.devices() if device.platform != "cpu"]
