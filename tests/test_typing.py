"""What a user's type checker sees."""

import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files

import pytest

import dcmxarray as dx

USER = """
import dcmxarray as dx
reveal_type(dx.open_series("exam"))
reveal_type(dx.scan("exam"))
reveal_type(dx.open_cohort("exam"))
dx.open_series("exam", chunk={})
"""


def test_the_package_says_that_it_is_typed():
    assert (files("dcmxarray") / "py.typed").is_file()


@pytest.mark.slow
def test_a_users_mypy_sees_the_types(tmp_path):
    (tmp_path / "user.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "user.py"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert 'type is "xarray.core.dataarray.DataArray"' in told
    assert 'Revealed type is "dcmxarray.cohorts.cohort.Cohort"' in told
    assert 'Unexpected keyword argument "chunk" for "open_series"' in told


def test_the_version_is_in_one_place():
    assert version("dcmxarray") == dx.__version__
