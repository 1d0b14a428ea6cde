import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("default", deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
settings.load_profile("default")


def forget_old_code() -> None:
    """numba sees a change of a function's own file, not of those that it calls: throw away what is older than any of them."""
    package = Path(__file__).parents[1] / "dcmxarray"
    newest = max(source.stat().st_mtime for source in package.rglob("*.py") if "jit import" in source.read_text())
    for kept in package.rglob("__pycache__/*.nb?"):
        if kept.stat().st_mtime < newest:
            kept.unlink(missing_ok=True)


forget_old_code()


def real_data() -> Path | None:
    """The folder of real DICOM: ``DCMXARRAY_DATA``, else ``../shared/data`` beside the checkout."""
    for place in (os.environ.get("DCMXARRAY_DATA"), Path(__file__).parents[2] / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


@pytest.fixture(scope="session")
def data() -> Path:
    found = real_data()
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("real data are missing: set DCMXARRAY_DATA or lay them at ../shared/data")
        pytest.skip("real data are missing: set DCMXARRAY_DATA or lay them at ../shared/data")
    return found


@pytest.fixture(scope="session")
def frames(data):
    """The frame table of all real data."""
    import dcmxarray as dx

    return dx.scan(data)
