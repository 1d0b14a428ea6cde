"""What lies in ``tests/data``: small, licensed, no one's."""

import pydicom
import pytest
from pydicom.errors import InvalidDicomError

from tests.conftest import SMALL

FILES = sorted(path for path in SMALL.rglob("*") if path.is_file())
NEUTRAL = ("anonymous", "19000101")  # or the beginning of one


def whose(path):
    """What the file says of who was scanned and by whom."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except InvalidDicomError:
        return set()
    names = {str(e.value) for e in header.iterall() if e.VR == "PN"}
    asked = ("PatientID", "PatientBirthDate", "AccessionNumber", "InstitutionName", "InstitutionAddress", "StationName")
    return {text.strip() for text in names | {str(header.get(word) or "") for word in asked}}


def test_no_one_is_named():
    named = [path.name for path in FILES for text in whose(path) if not any(word.startswith(text) for word in NEUTRAL)]
    assert named == []


@pytest.mark.parametrize("source", sorted(p.name for p in SMALL.iterdir() if p.is_dir()))
def test_every_source_has_its_licence_and_commit(source):
    names = {path.name.split(".")[0] for path in (SMALL / source).iterdir()}
    assert "SOURCE_COMMIT" in names
    assert names & {"LICENSE", "COPYING"}


def test_it_is_small():
    assert sum(path.stat().st_size for path in FILES) < 8e6
