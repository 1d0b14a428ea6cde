"""Runs many independent tasks: in this thread, in threads, in processes or on a `distributed` client.

Results are yielded as they are completed.  A progress bar appears after a second, on terminals and in notebooks only.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from functools import cache
from typing import Any

Scheduler = Any  # a dask scheduler's name, or a distributed client

_HERE = ("sync", "synchronous", "single-threaded")
_THREADS = ("threads", "threading")
_PROCESSES = ("processes", "multiprocessing")
_CLUSTER = ("dask.distributed", "distributed")
_AHEAD = 8  # tasks per worker that are submitted in advance


def results(
    function: Callable[[Any], Any], items: Iterable[Any], total: int, scheduler: Scheduler = None, label: str = ""
) -> Iterator[tuple[int, Any]]:
    """Call a function for every item.

    Parameters
    ----------
    function
        Takes one item.  For processes and clusters the function must pickle with cloudpickle, and the items with pickle.
    items
        Consumed lazily: only as many in advance as keep the workers busy.
    total
        The number of items.
    scheduler
        ``"threads"``, ``"processes"``, ``"synchronous"`` or a client of `distributed`.  ``None`` takes the scheduler that is
        configured in dask (an active client configures itself), else threads.
    label
        The text of the progress bar.

    Yields
    ------
    ``(index, function(item))`` for every item, in the order in which the calls are completed.

    Raises
    ------
    ValueError
        There is no such scheduler.
    Exception
        Whatever ``function`` raises, as soon as it does.
    """
    check(scheduler)
    hidden = False if _in_notebook() else None  # None hides it where output is no terminal, and a notebook's is none
    with _bar_type()(total=total, desc=label, delay=1, disable=hidden, leave=False) as bar:
        for done in _results(function, items, total, scheduler):
            bar.update()
            yield done


@cache
def _bar_type() -> Any:
    """Tqdm's bar with a lock of this process: its own is shared with forks, and one that is killed would hold it for ever."""
    from tqdm.std import tqdm

    bar = type("Bar", (_notebook_bar() or tqdm,), {})
    bar.set_lock(threading.RLock())  # type: ignore[attr-defined]
    return bar


def _in_notebook() -> bool:
    """Whether this is the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    return shell is not None and hasattr(shell.get_ipython(), "kernel")


def _notebook_bar() -> Any:
    """Tqdm's bar of widgets; ``None`` outside of notebooks and without ipywidgets, where a line of text does."""
    if not _in_notebook():
        return None
    try:
        from tqdm import notebook
    except Exception:  # noqa: BLE001 - whatever is wrong with the widgets, there is a bar without them
        return None
    return notebook.tqdm if notebook.IProgress is not None else None


def _results(function: Callable[[Any], Any], items: Iterable[Any], total: int, scheduler: Scheduler) -> Iterator[tuple[int, Any]]:
    """`results` without the progress bar."""
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
    """Wait for at least one result; removes the completed tasks from ``waiting`` and yields (index, result)."""
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        yield waiting.pop(future), future.result()


class _Shipped:
    """A function that can be sent to other processes, even if it is a lambda or a local function."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        import cloudpickle

        self.code = cloudpickle.dumps(function)

    def __call__(self, item: Any) -> Any:
        import cloudpickle

        return cloudpickle.loads(self.code)(item)


def check(scheduler: Scheduler) -> None:
    """Check that a scheduler can be used.

    Raises
    ------
    ValueError
        It is neither a known name nor a client.
    """
    chosen = _chosen(scheduler)
    named = isinstance(chosen, str) and chosen in (*_HERE, *_THREADS, *_PROCESSES, *_CLUSTER)
    if not named and not hasattr(chosen, "get_executor"):
        raise ValueError(f"scheduler={chosen!r} is none of 'threads', 'processes', 'synchronous', 'distributed', a client, None")


def in_one_process(scheduler: Scheduler) -> bool:
    """Whether a scheduler runs its tasks in this process."""
    return _chosen(scheduler) in (*_HERE, *_THREADS)


def _chosen(scheduler: Scheduler) -> Any:
    """The scheduler given, else the one configured in dask, else threads."""
    import dask

    return (dask.config.get("scheduler", None) or "threads") if scheduler is None else scheduler


def workers(scheduler: Scheduler = None) -> int:
    """The number of tasks that a scheduler runs at the same time."""
    import dask
    from dask.system import CPU_COUNT

    chosen = _chosen(scheduler)
    if chosen in _HERE:
        return 1
    if chosen in (*_THREADS, *_PROCESSES):
        return int(dask.config.get("num_workers", None) or CPU_COUNT)
    return max(1, sum(_client(chosen).nthreads().values()))


def _executor(chosen: Any, function: Callable[[Any], Any]) -> tuple[Any, Callable[[Any], Any]]:
    """An executor, and the function in the form in which it is submitted."""
    if chosen in _THREADS:
        return ThreadPoolExecutor(workers(chosen)), function
    if chosen in _PROCESSES:
        return ProcessPoolExecutor(workers(chosen), mp_context=_spawning()), _Shipped(function)
    return _client(chosen).get_executor(pure=False, retries=2), function


def _spawning() -> Any:
    """A way to start processes that don't inherit the locks held by this process's threads."""
    import multiprocessing

    return multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")


def _client(chosen: Any) -> Any:
    """The client given, or the active one."""
    if hasattr(chosen, "get_executor"):
        return chosen
    from distributed import default_client

    return default_client()
