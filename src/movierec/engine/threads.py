"""Run tasks in the threads of this process."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

N_THREADS = min(4, os.cpu_count() or 1)


def map_in_threads(function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
    """Like the built-in map, in a few threads: yields results in order, and computes few ahead."""
    waiting: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(N_THREADS) as pool:
        for values in zip(*arguments, strict=False):
            waiting.append(pool.submit(function, *values))
            if len(waiting) > N_THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
