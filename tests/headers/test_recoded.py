"""Headers that pydicom recodes go on as all others do."""

from dcmxarray.headers import by_pydicom


def test_a_recoded_header_is_an_array_like_all_others(real):
    """For a read-only array numba would compile every converter once more."""
    header = by_pydicom.recoded(str(real / "pydicom+pydicom/src/pydicom/data/test_files/MR_small_bigendian.dcm"))
    assert header.flags.writeable
    assert header.flags.c_contiguous
