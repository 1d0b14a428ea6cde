"""Segments carry their names and codes."""

import numpy as np
import pydicom
import pytest
import xarray as xr

import dcmxarray as dx

OVERLAPS = "QIICR+dcmqi/data/segmentations/partial_overlaps.dcm"
LABELS = ["GREEN", "ORANGE", "PURPLE", "LIGHT_BLUE", "DARK_BLUE"]


def changed(source, folder, change):
    """A copy of a segmentation whose segments ``change`` has edited."""
    folder.mkdir(exist_ok=True)
    data = pydicom.dcmread(source)
    change(data.SegmentSequence)
    data.save_as(folder / "a.dcm")
    return dx.open_series(folder)


def test_labels_are_the_coordinate(real):
    da = dx.open_series(real / OVERLAPS)
    assert da["segment"].values.tolist() == LABELS
    assert da["segment_number"].values.tolist() == [1, 2, 3, 4, 5]
    vein = da.sel(segment="DARK_BLUE")
    assert (vein["segment_type"].item(), vein["segment_category"].item()) == ("Vein", "Tissue")
    assert (vein["segment_code"].item(), vein["segment_algorithm"].item()) == ("SCT:29092000", "MANUAL")
    assert da.where(da["segment_type"] == "Edema", drop=True).sizes["segment"] == 1


def test_the_labels_are_those_of_their_frames(real):
    """Segment by segment, the pixels are those that pydicom finds for the number that has the label."""
    data, da = pydicom.dcmread(real / OVERLAPS), dx.open_series(real / OVERLAPS)
    of_frame = [g.SegmentIdentificationSequence[0].ReferencedSegmentNumber for g in data.PerFrameFunctionalGroupsSequence]
    for item in data.SegmentSequence:
        mine = np.array(of_frame) == item.SegmentNumber
        assert int(da.sel(segment=item.SegmentLabel).sum()) == int(data.pixel_array[mine].sum())


def test_one_segment_is_a_scalar(real):
    da = dx.open_series(real / "QIICR+dcmqi/data/segmentations/24x38x3/seg/label.seg")
    assert (da["segment"].item(), da["segment_number"].item(), da["segment_type"].item()) == ("Liver", 1, "Liver")


def _same_label(items):
    items[1].SegmentLabel = items[0].SegmentLabel


def _no_label(items):
    del items[2].SegmentLabel


def _bare(items):
    for item in items:
        for name in ("SegmentLabel", "SegmentedPropertyCategoryCodeSequence", "SegmentedPropertyTypeCodeSequence"):
            delattr(item, name)


def _swapped(items):
    items[0].SegmentNumber, items[1].SegmentNumber = 2, 1


@pytest.mark.parametrize("change", [_same_label, _no_label, _bare])
def test_numbers_where_labels_do_not_tell_segments_apart(real, tmp_path, change):
    da = changed(real / OVERLAPS, tmp_path / "a", change)
    assert da["segment"].values.tolist() == [1, 2, 3, 4, 5]
    assert ("segment_label" in da.coords) == (change is not _bare)


def test_the_order_is_that_of_numbers(real, tmp_path):
    da = changed(real / OVERLAPS, tmp_path / "a", _swapped)
    assert da["segment"].values.tolist() == ["ORANGE", "GREEN", *LABELS[2:]]


def test_labels_in_the_character_set_of_the_file(real, tmp_path):
    def change(items):
        items[0].SegmentLabel = "Grün"

    folder = tmp_path / "a"
    folder.mkdir()
    data = pydicom.dcmread(real / OVERLAPS)
    data.SpecificCharacterSet = "ISO_IR 192"
    change(data.SegmentSequence)
    data.save_as(folder / "a.dcm")
    assert dx.open_series(folder)["segment"].values[0] == "Grün"


def test_stores_keep_them(real, tmp_path):
    cohort = dx.open_cohort(real / OVERLAPS)
    cohort.to_zarr(tmp_path / "out.zarr")
    (key,) = list(cohort)
    xr.testing.assert_identical(dx.open_cohort(tmp_path / "out.zarr").open(key).load(), cohort.open(key).load())


def test_stores_keep_the_names_of_a_label_map(real, tmp_path):
    da = dx.open_series(real / "QIICR+dcmqi/data/segmentations/sparse-labelmap-noppv.dcm")
    assert (da.attrs["flag_values"], da.attrs["flag_meanings"]) == ([0, 1], "Background Liver")
    da.dicom.to_zarr(tmp_path / "out.zarr")
    assert xr.open_zarr(tmp_path / "out.zarr")["image"].attrs["flag_values"] == [0, 1]


def test_frames_can_be_queried_by_label(real):
    frames = dx.scan(real / OVERLAPS)
    assert dx.open_series(frames.query("segment_label == 'ORANGE'"))["segment"].item() == "ORANGE"


def test_a_label_map_keeps_its_numbers(real):
    """The palette of a label map is for display: its values are segment numbers."""
    name = "ImagingDataCommons+highdicom/data/test_files/seg_image_sm_control_labelmap"
    plain, coloured = (dx.open_series(real / f"{name}{kind}.dcm") for kind in ("", "_palette_color"))
    assert "rgb" not in coloured.dims
    assert "segment" not in plain.coords
    assert plain.attrs["flag_values"] == coloured.attrs["flag_values"] == list(range(21))
    assert plain.attrs["flag_meanings"].split()[:3] == ["Background", "RGB(37,_231,_253)", "RGB(32,_224,_200)"]
    np.testing.assert_array_equal(plain, coloured)


def _text_number(items):
    items[0].add_new("SegmentNumber", "LO", "one")


def _long(items):
    items[0].SegmentLabel = "x" * 5000


def _strange(items):
    items[0].SegmentNumber = 77
    items[1].SegmentedPropertyTypeCodeSequence = []


@pytest.mark.filterwarnings("ignore:The value length")
def test_damage_costs_the_names_alone(real, tmp_path):
    da = changed(real / OVERLAPS, tmp_path / "a", _text_number)
    assert da["segment"].values.tolist() == [1, 2, 3, 4, 5]
    assert "SegmentSequence can't be read" in dx.scan(tmp_path / "a")["problem"].iloc[0]
    assert len(changed(real / OVERLAPS, tmp_path / "c", _long)["segment"].values[0]) == 64
    da = changed(real / OVERLAPS, tmp_path / "b", _strange)
    assert da["segment"].values.tolist() == [1, 2, 3, 4, 5]
    assert da["segment_label"].values.tolist() == ["", *LABELS[1:]]
    assert da["segment_type"].values.tolist()[:3] == ["", "", "Capillary"]
