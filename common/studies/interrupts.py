"""Orderly shutdown on SIGTERM, and on SIGHUP where a terminal sends it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Raise `KeyboardInterrupt` on SIGTERM, which batch systems send before they kill.

    Unlike SIGINT, SIGTERM also reaches processes that were started in the background. SIGHUP, which
    a terminal sends when it is closed, does the same, unless it is ignored, as under `nohup`.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, interrupt)}
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
        before[hangup] = signal.signal(hangup, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
