"""Prefetching with threads, with results in order."""

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
    """Yield `function` of each item in order, computed in advance by `workers` threads.

    At most `ahead` results, by default one more than workers, are pending or being computed, which
    bounds the memory. With 0 workers, each is computed when it is requested. An exception is raised
    in the place of its result, after running threads have finished.

    Google's grain, which works with NumPy 1.23, is not used: it imports JAX if that is installed,
    warns if it is not, and has ten dependencies, protobuf among them.
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
