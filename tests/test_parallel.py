"""Many tasks side by side: what one of them does to the others."""

import multiprocessing

import pytest
from tqdm.auto import tqdm

from dcmxarray import parallel


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_killed_fork_that_held_the_bars_lock_blocks_nobody():
    context = multiprocessing.get_context("fork")
    child = context.Process(target=lambda: tqdm.get_lock().acquire())  # and ends without releasing it
    child.start()
    child.join()
    assert sorted(parallel.results(abs, [-1, 2], 2, "synchronous", "label")) == [(0, 1), (1, 2)]
    assert parallel._bar_type().get_lock() is not tqdm.get_lock()
