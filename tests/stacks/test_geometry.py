"""Planes in space: what counts as one place, one plane, one spacing."""

import numpy as np
import pytest

from dcmxarray.model import normal
from dcmxarray.stacks import geometry

from ..making import frame, opened


@pytest.mark.parametrize(
    ("thickness", "step", "slices"),
    [
        (0.008, 0.008, 4),  # slices of 8 um lie closer than positions of one slice usually differ
        (0.1, 0.0075, 4),
        (0.1, 0.004, 1),  # less than a twentieth of the thickness: rounding
        (5.0, 0.009, 1),
        (5.0, 0.011, 4),
        (None, 0.009, 1),
        (None, 0.011, 4),
    ],
)
def test_slices_are_told_apart_by_what_is_far_below_their_thickness(tmp_path, thickness, step, slices):
    frames = [frame(f"{k * step:.10g}", SliceThickness=thickness, AcquisitionTime=f"1000{k:02d}", value=k) for k in range(4)]
    da = opened(tmp_path, [f | {"ImagePositionPatient": [0, 0, f["ImagePositionPatient"][2]]} for f in frames])
    assert da.sizes.get("slice", 1) == slices
    assert da.sizes.get("time", 1) == 4 // slices
    assert da.values.reshape(4, -1)[:, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("thickness", "tolerance"), [(0.1, 0.005), (0.2, 0.01), (5, 0.01), (0, 0.01), (-1, 0.01), (None, 0.01)])
def test_slice_tolerance(thickness, tolerance):
    assert geometry.slice_tolerance(thickness) == pytest.approx(tolerance)


def test_clusters_are_ascending_and_joined_through_neighbours():
    assert geometry.clusters([5, 1, 1.25, 1.5, np.nan, 9, np.nan], 0.25).tolist() == [1, 0, 0, 0, 3, 2, 3]
    assert geometry.clusters([0, 0.25, 0.5], 0.2).tolist() == [0, 1, 2]
    assert geometry.clusters([], 1).tolist() == []
    assert geometry.clusters([np.nan, np.nan], 1).tolist() == [0, 0]


def test_vectors_share_a_code_with_the_first_of_their_group():
    rows = np.array([[0, 0], [0, 0.125], [0.125, 0], [1, 0], [np.nan, 0], [np.nan, 0.0625]])
    assert geometry.vector_clusters(rows, 0.125).tolist() == [0, 0, 0, 1, 2, 2]
    assert geometry.vector_clusters(rows[::-1], 0.125).tolist() == [2, 2, 1, 0, 0, 0]
    assert geometry.vector_clusters(rows[:2], 0.0625).tolist() == [0, 1]


@pytest.mark.parametrize("tolerance", [0, 0.1, 0.25, 1e300])
def test_vectors_are_grouped_from_the_smallest_on(tolerance):
    rng = np.random.default_rng(7)
    for components in (1, 2, 5):
        rows = rng.integers(-4, 4, (60, components)) * rng.choice([0.1, 0.25, 1e6], (60, 1))
        distinct, places = np.unique(rows, axis=0, return_inverse=True)
        codes = np.full(len(distinct), -1)
        while (codes < 0).any():
            first = distinct[np.argmin(codes)]
            codes[(codes < 0) & (np.abs(distinct - first) <= tolerance).all(axis=1)] = codes.max() + 1
        assert geometry.vector_clusters(rows, tolerance).tolist() == codes[places.reshape(-1)].tolist()


@pytest.mark.parametrize(
    ("steps", "regular"),
    [([], True), ([7], True), ([5, 5.01], True), ([5, 5.04, 5], True), ([5, 5.06, 5], False), ([0.1, 0.109], True),
     ([0.1, 0.13], False), ([-5, -5.04, -5], True), ([-5, -5.06, -5], False)],
)  # fmt: skip
def test_steps_that_differ_by_a_hundredth_are_one_spacing(steps, regular):
    assert geometry.is_regular(np.array(steps, float)) is regular


def test_normals_of_stacked_vectors_have_unit_length():
    row, column = np.array([[1, 0, 0], [0, 2, 0], [1, 0, 0]]), np.array([[0, 1, 0], [0, 0, 3], [1, 0, 0]])
    assert normal(row, column).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_codes_of_any_column():
    assert geometry.as_codes(["b", None, "a", "b"]).tolist() == [1, 2, 0, 1]
    assert geometry.as_codes(np.array([3, 1, 3])).tolist() == [1, 0, 1]
    assert geometry.as_codes(np.array(["2026-01-02", "NaT", "2026-01-01"], "M8[us]")).tolist() == [1, 2, 0]
    assert geometry.as_codes(np.array([1.0, 1.2, 2.0]), 0.5).tolist() == [0, 0, 1]
