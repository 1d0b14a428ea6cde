"""What other tools made of the real data: NIfTI laid on our grid, and bvec turned to the patient (nibabel alone).

Of the large collection's series they are whole files; of those beside the tests, the numbers that ``tests/data/refer.py`` kept.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
import pytest

import dcmxarray as dx

from .conftest import SMALL, large_collection

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # RAS to LPS


def directions(nifti, bvec):
    """Gradient directions of a .bvec as patient LPS, with their signs: (volumes, 3)."""
    return turned(nibabel.load(nifti).affine, np.loadtxt(bvec).reshape(3, -1))


def turned(affine, along):
    """Directions along the voxel axes of an affine (RAS), as in a .bvec (3, volumes), as patient LPS: (volumes, 3)."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.linalg.det(axes) > 0:  # FSL turns x round where the voxels are right-handed
        along = along * np.array([[-1], [1], [1]])
    return (LPS[:3, :3] @ axes @ along).T


def grid_map(theirs, ours):
    """The matrix from voxel indices (i, j, k) to ours (slice, row, col), and the nearest map that only turns axes round."""
    exact = np.linalg.inv(ours) @ theirs
    near = np.rint(exact)
    turns = (np.abs(near[:3, :3]).sum(0) == 1).all() and (np.abs(near[:3, :3]).sum(1) == 1).all()
    return exact, near.astype(int) if turns else None


def laid(volume, near):
    """A volume (i, j, k) as (slice, row, col), and where its first voxel lies in our grid."""
    axes = [int(np.flatnonzero(near[d, :3])[0]) for d in range(3)]
    turned = [d for d in range(3) if near[d, axes[d]] < 0]
    out = np.flip(np.transpose(volume, axes), turned)
    return out, tuple(int(near[d, 3]) - (out.shape[d] - 1) * (d in turned) for d in range(3))


def map_of(affine, array):
    """`grid_map` of an affine (RAS) that lies on the grid of an array."""
    exact, near = grid_map(LPS @ affine, array.dicom.affine)
    np.testing.assert_allclose(exact, near, atol=2e-3)
    return near


def volumes(nifti, array):
    """The volumes of a NIfTI file laid on the grid of an array that covers the same space: (volumes, slice, row, col)."""
    image = nibabel.load(nifti)
    near = map_of(image.affine, array)
    data = np.asanyarray(image.dataobj).reshape(*image.shape[:3], -1)
    found = [laid(data[..., n], near) for n in range(data.shape[3])]
    assert {first for _, first in found} == {(0, 0, 0)}
    return np.stack([volume for volume, _ in found])


class Reference(NamedTuple):
    """What another tool made of a series, its volumes in the order of their b-values."""

    bvals: Any = None
    bvecs: Any = None  # patient LPS
    slice_times: Any = None
    nifti: Path | None = None  # the whole of it
    kept: dict[str, Any] | None = None  # or the numbers kept of it

    def assert_voxels(self, array):
        """The array lies where the reference lies, and has its values."""
        ours = array.transpose(..., "slice", "row", "col").values
        if self.nifti:
            np.testing.assert_array_equal(ours, volumes(self.nifti, array))
        else:
            assert_kept(self.kept, map_of(np.array(self.kept["affine"]), array), ours)


def assert_kept(kept, near, ours):
    """The kept numbers of a NIfTI are those of our volumes: (volumes, slice, row, col)."""
    *size, count = kept["shape"]
    assert ours.shape == (count, *np.abs(near[:3, :3]) @ size)
    order = np.argsort(kept.get("bval", np.zeros(count)), kind="stable")
    places = np.array(kept["points"], int)
    index = near @ np.column_stack([places[:, :3], np.ones(len(places), int)]).T
    assert index[:3].min() >= 0
    np.testing.assert_allclose(ours[order.argsort()[places[:, 3]], *index[:3]], [p[4] for p in kept["points"]], rtol=1e-5)
    slices = near[0, 2] * np.arange(size[2]) + near[0, 3]
    np.testing.assert_allclose(ours.sum((2, 3), dtype=float)[:, slices], np.transpose(kept["sums"])[order], rtol=1e-5)


def small(name):
    """What ``tests/data/refer.py`` kept of a series beside the tests."""
    kept = json.loads(Path(f"{SMALL / name}.dcm2niix.json").read_text())
    times = kept.get("slice_times")
    if "bval" not in kept:
        return Reference(slice_times=times, kept=kept)
    order = np.argsort(kept["bval"], kind="stable")
    bvecs = turned(np.array(kept["affine"]), np.array(kept["bvec"]))
    return Reference(np.array(kept["bval"])[order], bvecs[order], times, kept=kept)


def large(nifti, texts):
    """A NIfTI of the large collection, with the .bval, .bvec and .json that there are of it, perhaps elsewhere."""
    bval, bvec, sidecar = (Path(f"{texts}.{kind}") for kind in ("bval", "bvec", "json"))
    times = json.loads(sidecar.read_text()).get("SliceTiming") if sidecar.exists() else None
    if not bval.exists():
        return Reference(slice_times=times, nifti=nifti)
    order = np.argsort(np.loadtxt(bval), kind="stable")
    return Reference(np.loadtxt(bval)[order], directions(nifti, bvec)[order], times, nifti)


def referenced(*names, large_ones=()):
    """Cases of `opened_with`: series beside the tests, and whole ones where the large collection is at hand.

    ``large_ones`` are (series, NIfTI, what its .bval, .bvec and .json are called but for that ending).
    """
    found = [pytest.param((SMALL / name, name), id=name) for name in names]
    if root := large_collection():
        found += [pytest.param(tuple(root / part for part in parts), id=f"large: {parts[0]}") for parts in large_ones]
    return pytest.mark.parametrize("case", found)


def opened_with(case):
    """A series and its reference."""
    folder, *reference = case
    return dx.open_series(folder), (small if len(reference) == 1 else large)(*reference)
