"""A short run with a fixed seed; ``nox -s fuzz -- SECONDS`` is the long one, with new seeds."""

import random
import sys

import pytest

from . import mutators

if sys.platform != "linux":
    pytest.skip("children are watched by /proc", allow_module_level=True)

from .seeds import crafted, images, seeds
from .targets import Recipe
from .watch import Watch, hunt, said, save, shrunk


@pytest.fixture(scope="module")
def watch():
    found = Watch()
    yield found
    found.close()


CRAFTED, FIRST = len(crafted()), len(crafted()) + len(seeds())
RUNS = {
    "crafted, headers": ("headers", 0, CRAFTED),
    "crafted, loads": ("loads", 0, CRAFTED),
    "mutants, headers": ("headers", FIRST, FIRST + 2000),
    "mutants, loads": ("loads", FIRST, FIRST + 60),
}


@pytest.mark.parametrize(("kind", "first", "last"), RUNS.values(), ids=RUNS)
def test_no_file_breaks_a_law(watch, kind, first, last, tmp_path):
    findings = [f for found in hunt(watch, kind, 1, first, last) for f in found]
    lines = [f"{said(small)} -> {save(small, tmp_path)}" for small in (shrunk(watch, f) for f in findings[:5])]
    assert not findings, "\n".join(lines)


@pytest.mark.parametrize("mutator", dict.fromkeys((*mutators.HEADER, *mutators.PIXEL)), ids=lambda m: m.__name__)
def test_a_mutator_takes_any_bytes_and_gives_the_same_for_the_same_seed(mutator):
    for data in (b"", b"DICM", b"\0" * 128 + b"DICM", b"\x08\0\0\0\0", *images()[:20]):
        assert mutator(data, random.Random(3)) == mutator(data, random.Random(3))


def test_mutants_differ():
    start = len(crafted()) + len(images())
    assert len({Recipe("loads", 1, n).made()[0] for n in range(start, start + 200)}) > 180
