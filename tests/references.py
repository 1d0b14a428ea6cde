"""What other tools made of the real data: NIfTI laid on our grid, and bvec turned to the patient (nibabel alone)."""

import nibabel
import numpy as np

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # RAS to LPS


def directions(nifti, bvec):
    """Gradient directions of a .bvec as patient LPS, with their signs: (volumes, 3)."""
    axes = nibabel.load(nifti).affine[:3, :3]
    axes = axes / np.linalg.norm(axes, axis=0)
    along = np.loadtxt(bvec).reshape(3, -1)
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


def volumes(nifti, array):
    """The volumes of a NIfTI file laid on the grid of an array that covers the same space: (volumes, slice, row, col)."""
    image = nibabel.load(nifti)
    exact, near = grid_map(LPS @ image.affine, array.dicom.affine)
    np.testing.assert_allclose(exact, near, atol=2e-3)
    data = np.asanyarray(image.dataobj).reshape(*image.shape[:3], -1)
    found = [laid(data[..., n], near) for n in range(data.shape[3])]
    assert {first for _, first in found} == {(0, 0, 0)}
    return np.stack([volume for volume, _ in found])
