"""Many independent tasks: here, in threads, in processes or on a `distributed` client; results as they come, with a bar.

The bar shows itself after a second, and only where somebody can see it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from typing import Any

Scheduler = Any  # a name of dask's, or a distributed client

_HERE = ("sync", "synchronous", "single-threaded")
_THREADS = ("threads", "threading")
_PROCESSES = ("processes", "multiprocessing")
_CLUSTER = ("dask.distributed", "distributed")
_AHEAD = 8  # tasks a worker that are handed out before their turn


def results(
    function: Callable[[Any], Any], items: Iterable[Any], total: int, scheduler: Scheduler = None, label: str = ""
) -> Iterator[tuple[int, Any]]:
    """``(place, function(item))`` for every item, in the order in which they are done.

    Parameters
    ----------
    function
        Of one item; for processes and clusters it and the items must pickle.
    items
        Taken one by one, only as many ahead as keep the workers busy.
    total
        How many there are.
    scheduler
        ``"threads"``, ``"processes"``, ``"synchronous"`` or a client of `distributed`; ``None`` takes what is configured in
        dask (a client in force configures itself), else threads.
    label
        What the progress bar says.

    Raises
    ------
    ValueError
        There is no such scheduler.
    Exception
        What ``function`` raised, at once.
    """
    from tqdm.auto import tqdm

    check(scheduler)

    with tqdm(total=total, desc=label, delay=1, disable=None, leave=False) as bar:
        for done in _results(function, items, total, scheduler):
            bar.update()
            yield done


def _results(function: Callable[[Any], Any], items: Iterable[Any], total: int, scheduler: Scheduler) -> Iterator[tuple[int, Any]]:
    chosen = _chosen(scheduler)
    if total < 2 or chosen in _HERE:
        yield from ((k, function(item)) for k, item in enumerate(items))
        return
    executor, call = _executor(chosen, function)
    ahead = _AHEAD * workers(chosen)
    with executor:
        waiting: dict[Future[Any], int] = {}
        for k, item in enumerate(items):
            waiting[executor.submit(call, item)] = k
            if len(waiting) >= ahead:
                yield from _done(waiting)
        while waiting:
            yield from _done(waiting)


def _done(waiting: dict[Future[Any], int]) -> Iterator[tuple[int, Any]]:
    """Results of what is done, at least one; they are taken out of ``waiting``."""
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        yield waiting.pop(future), future.result()


class _Shipped:
    """A function that reaches other processes, lambdas and local ones too."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        import cloudpickle

        self.code = cloudpickle.dumps(function)

    def __call__(self, item: Any) -> Any:
        import cloudpickle

        return cloudpickle.loads(self.code)(item)


def check(scheduler: Scheduler) -> None:
    """Raise ValueError for what is no scheduler."""
    chosen = _chosen(scheduler)
    named = isinstance(chosen, str) and chosen in (*_HERE, *_THREADS, *_PROCESSES, *_CLUSTER)
    if not named and not hasattr(chosen, "get_executor"):
        raise ValueError(f"scheduler {chosen!r} is none of 'threads', 'processes', 'synchronous', or a distributed client")


def _chosen(scheduler: Scheduler) -> Any:
    import dask

    return scheduler or dask.config.get("scheduler", None) or "threads"


def workers(scheduler: Scheduler = None) -> int:
    """How many tasks a scheduler runs at a time."""
    import dask
    from dask.system import CPU_COUNT

    chosen = _chosen(scheduler)
    if chosen in _HERE:
        return 1
    if chosen in (*_THREADS, *_PROCESSES):
        return int(dask.config.get("num_workers", None) or CPU_COUNT)
    return max(1, sum(_client(chosen).nthreads().values()))


def _executor(chosen: Any, function: Callable[[Any], Any]) -> tuple[Any, Callable[[Any], Any]]:
    """An executor, and the function as it takes it."""
    if chosen in _THREADS:
        return ThreadPoolExecutor(workers(chosen)), function
    if chosen in _PROCESSES:
        return ProcessPoolExecutor(workers(chosen), mp_context=_spawning()), _Shipped(function)
    return _client(chosen).get_executor(pure=False, retries=2), function


def _spawning() -> Any:
    """New processes without what this one's threads hold."""
    import multiprocessing

    return multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")


def _client(chosen: Any) -> Any:
    if hasattr(chosen, "get_executor"):
        return chosen
    from distributed import default_client

    return default_client()
