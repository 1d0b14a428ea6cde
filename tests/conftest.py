"""Shared fixtures: real DICOM by name, and the frame table of all of it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pydicom
import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile("default", deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
settings.register_profile(
    "mutant",
    parent=settings.get_profile("default"),
    max_examples=10,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("mutant" if "DCMXARRAY_MUTANT" in os.environ else "default")

SMALL = Path(__file__).parent / "data"
WHEEL = Path(pydicom.__file__).parents[1]  # pydicom brings its own test files along


def large_collection() -> Path | None:
    """The large collection of real DICOM: ``DCMXARRAY_DATA``, else ``../shared/data`` beside the checkout."""
    for place in (os.environ.get("DCMXARRAY_DATA"), Path(__file__).parents[2] / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


def real_data(name: str) -> Path | None:
    """A file or folder by its name in the collection: beside the tests, in pydicom's wheel, else in the large collection.

    The nearest comes first, so that a test reads the same files wherever it runs: some series beside the tests are cut.
    """
    places = [SMALL / name, WHEEL / name.removeprefix("pydicom+pydicom/src/")]
    if large := large_collection():
        places.append(large / name)
    return next((place for place in places if place.exists()), None)


def pytest_report_header():
    """Say what a run compares: series are whole in the large collection alone."""
    return f"large collection of real DICOM: {large_collection() or 'none, only the series beside the tests'}"


def is_missing(what: str) -> NoReturn:
    text = f"{what} is missing: set DCMXARRAY_DATA to the large collection, or lay it at ../shared/data"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


@pytest.fixture(scope="session")
def series() -> Callable[[str], Path]:
    """Real DICOM by name: ``series("neurolabusc+dcm_qa_uih/In")``."""
    return lambda name: real_data(name) or is_missing(name)


@pytest.fixture(scope="session")
def data() -> Path:
    """The large collection: for tests that count over all of it."""
    return large_collection() or is_missing("the large collection")


class Real:
    """Real DICOM by name: ``real / "<source>/<path>"``, wherever it lies; a test that needs what is nowhere is skipped."""

    def __truediv__(self, name: str) -> Path:
        return real_data(name) or is_missing(name)


@pytest.fixture(scope="session")
def real() -> Real:
    """Files and folders of real DICOM, one by one."""
    return Real()


@pytest.fixture(scope="session")
def is_large() -> bool:
    """Whether `collection` is the large one."""
    return large_collection() is not None


@pytest.fixture(scope="session")
def collection() -> list[Path]:
    """All real DICOM at hand."""
    if large := large_collection():
        return [large]
    if os.environ.get("CI"):
        is_missing("the large collection")
    return [SMALL, WHEEL / "pydicom/data/test_files"]


@pytest.fixture(scope="session")
def frames(collection):
    """The frame table of all real data at hand."""
    import dcmxarray as dx

    return dx.scan(collection)
