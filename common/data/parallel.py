"""Work that is done ahead by threads, with results in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def in_order(
    function: Callable[[In], Out], items: Iterable[In], workers: int = 0, ahead: int | None = None
) -> Iterator[Out]:
    """`function` of each item, in order, computed by `workers` threads ahead of their use.

    At most `ahead` results, by default one more than there are workers, wait or are being made: so
    much memory is taken whatever the number of items. Without workers each is computed when it is
    asked for. An exception reaches the caller at its place, and what was begun ends first.

    Google's grain does the same and more, and works with NumPy 1.23; it is not used, since it
    imports JAX where that is installed, warns where it is not, and brings ten packages, protobuf
    among them, for what is a few lines on a pool of threads.
    """
    if not workers:
        yield from map(function, items)
        return
    remaining = iter(items)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="anynet-data")
    try:
        begun: deque[Future[Out]] = deque(
            pool.submit(function, item) for item in islice(remaining, ahead or workers + 1)
        )
        while begun:
            result = begun.popleft().result()
            begun.extend(pool.submit(function, item) for item in islice(remaining, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)
