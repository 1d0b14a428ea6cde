"""Agreement with dcm2niix, the field's reference converter, on all real data at hand: voxels, geometry, b-values, directions.

Every grey NIfTI that it writes is looked for in what `open_cohort` opens.  Where the two differ, `EXCEPTIONS` says why; a series
that differs and is not listed fails, and so does one that is listed and agrees.
"""

import itertools
import os
import subprocess

import nibabel
import numpy as np
import pytest

import dcmxarray as dx

from .conftest import SMALL, WHEEL, large_collection
from .references import LPS, directions, grid_map, laid

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
dcm2niix = __import__("dcm2niix") if os.environ.get("CI") else pytest.importorskip("dcm2niix")

SOURCES = (
    *("ImagingDataCommons+highdicom", "QIICR+dcmqi", "RSIP-Vision+medio", "erling6232+imagedata", "icometrix+dicom2nifti"),
    *("moloney+dcmstack", "pydicom+pydicom", "pydicom+pydicom-data", "suyashkumar+dicom", "yarikoptic+nitest-balls1"),
    *(f"neurolabusc+dcm_qa_{name}" for name in ("12bit", "agfa", "canon", "enh", "me", "mosaic", "nih", "uih")),
)

HIGHDICOM, DCMQI, D2N, PYDICOM = SOURCES[0], SOURCES[1], SOURCES[4], SOURCES[6]
TILES = "dcm2niix stacks the tiles of a slide as slices; ours are tile_row x tile_col"
SEGMENTS = "dcm2niix stacks all frames of a segmentation as slices; ours are slice x segment"
SHARED = "different files with one SeriesInstanceUID and the same cells: a GridError that names them"
UNLIKE = "unlike images share one SeriesInstanceUID: which of them dcm2niix takes is its choice"
# (source, end of the SeriesInstanceUID, SeriesNumber) -> (what differs, why); docs/agreement.md says more
EXCEPTIONS = {
    (HIGHDICOM, "96151353", "13"): ("voxels", TILES),
    (HIGHDICOM, "83663297", "13"): ("voxels", TILES),
    (HIGHDICOM, "07741995", "6"): ("voxels", TILES),
    (HIGHDICOM, "82201849", "2"): ("voxels", TILES),
    (HIGHDICOM, "09496184", "2"): ("voxels", TILES),
    (HIGHDICOM, "49982096", "2"): ("voxels", TILES),
    (HIGHDICOM, "59888851", "2"): ("voxels", SEGMENTS),
    (HIGHDICOM, "66748324", "1"): ("not opened", SHARED),
    (DCMQI, "2.128469", "100"): ("voxels", SEGMENTS),
    (DCMQI, "2.413279", "300"): ("voxels", SEGMENTS),
    (D2N, "40321185", "4"): ("geometry", "a tilted gantry: dcm2niix writes an affine without the shear, ours has it"),
    (D2N, "50528831", "8"): (
        "voxels",
        "a mosaic without its CSA header: dcm2niix writes the sheet, ours are slices by the protocol",
    ),
    (D2N, "15805567", "201"): ("voxels", "slopes differ by slice: dcm2niix takes those of the first slice for all"),
    ("moloney+dcmstack", "02.0.0.0", "3"): ("not opened", "7 of 9 slice x echo cells: ours raises until missing='fill'"),
    (PYDICOM, "777.7777", "1"): ("not opened", SHARED),
    (PYDICOM, "03340146", "4"): ("voxels", "one tilted CT slice: dcm2niix steps along the table, ours along the normal"),
    (PYDICOM, "00000190", "18"): ("voxels", "dcm2niix writes the overlay plane as an image of its own"),
    (PYDICOM, "2826.1.0", "1"): ("not opened", "a palette: dcm2niix writes indices, ours are colours"),
    (PYDICOM, "6302.0.2", "4"): ("voxels", "a scout of two orientations, which dcm2niix stacks; ours are two arrays"),
    (PYDICOM, "059.5457", "1"): ("not opened", "one UID on two images, one of them cut: ours names them"),
}
LEAST = {"large": 145, "small": 55}  # NIfTI compared in all: fewer means that something was passed over


def converted(folder, out):
    """The NIfTI files that dcm2niix writes for a folder, but for those that it resampled."""
    options = ["-b", "y", "-ba", "n", "-z", "n", "-p", "n", "-d", "9", "-f", "%j_%s_%p", "-o", str(out), str(folder)]
    subprocess.run([str(dcm2niix.bin), *options], capture_output=True, timeout=300, check=False)
    return sorted(p for p in out.glob("*.nii") if "_Eq" not in p.name and "_Tilt" not in p.name)


def arrays(folder):
    """Every array of a folder, eager, or the error in its place."""
    cohort, out = dx.open_cohort(folder), {}
    for key in cohort:
        try:
            out[key] = cohort.open(key, chunks=None).load()
        except dx.DcmxarrayError as error:
            out[key] = error
    return out


def block(array):
    """(volumes, slice, row, col) and the volumes' own coordinates."""
    full = array if "slice" in array.dims else array.expand_dims("slice")
    others = [d for d in full.dims if d not in ("slice", "row", "col")]
    values = full.transpose(*others, "slice", "row", "col").values
    places = [dict(zip(others, index, strict=True)) for index in np.ndindex(*values.shape[:-3])]
    return values.reshape(-1, *values.shape[-3:]), [full.isel(place) for place in places]


def found_in(values, volume, first, taken):
    """Which volume of an array holds the same values from ``first`` on; ``None`` where none does."""
    window = tuple(slice(a, a + n) for a, n in zip(first, volume.shape, strict=True))
    if min(first) < 0 or any(w.stop > n for w, n in zip(window, values.shape[1:], strict=True)):
        return None
    size = np.abs(np.nan_to_num(volume.astype(float)))
    probe, tolerance = np.unravel_index(size.argmax(), size.shape), 2e-5 * max(1.0, size.max())
    at = tuple(w.start + p for w, p in zip(window, probe, strict=True))
    near = np.abs(values[(slice(None), *at)].astype(float) - float(volume[probe])) <= tolerance
    for k in np.flatnonzero(near):
        if k not in taken and np.nanmax(np.abs(values[k][window].astype(float) - volume), initial=0.0) <= tolerance:
            return int(k)
    return None


def same_place(image, array):
    """The map between the grids, and whether it holds within 0.01 mm all over; of a single slice its plane alone counts."""
    ours, theirs = array.dicom.affine, LPS @ image.affine
    if image.shape[2:3] in ((), (1,)):
        theirs[:3, 2] *= np.linalg.norm(ours[:3, 0]) / np.linalg.norm(theirs[:3, 2])
    exact, near = grid_map(theirs, ours)
    corners = np.array([(*c, 1) for c in itertools.product(*((0, n - 1) for n in (*image.shape, 1)[:3]))])
    return near, near is not None and np.abs(ours[:3, :3] @ ((exact - near) @ corners.T)[:3]).max() < 0.01


def same(one, other):
    return one.shape == other.shape and np.allclose(one, other, rtol=0, atol=2e-5 * max(1.0, np.abs(other).max()))


def unplaced(data, array):
    """Whether an image without patient geometry holds the same pixels, up to flips: dcm2niix makes an affine up."""
    ours = [np.squeeze(v) for v in block(array)[0]]
    theirs = [np.squeeze(data[..., n].T) for n in range(data.shape[3])]
    turns = [np.s_[..., :, :], np.s_[..., ::-1, :], np.s_[..., :, ::-1], np.s_[..., ::-1, ::-1]]
    return all(any(same(t[turn], o) for o in ours for turn in turns) for t in theirs)


def differs(nifti, array):
    """What differs between a NIfTI and an array: "", or "voxels", "geometry", "b" or "bvec"."""
    image = nibabel.load(nifti)
    data = np.asanyarray(image.dataobj)
    data = data.reshape(*(*image.shape, 1, 1)[:4])
    try:
        near, placed = same_place(image, array)
    except dx.GridError:
        return "" if unplaced(data, array) else "voxels"
    if near is None:
        return "voxels"
    values, volumes = block(array)
    taken = []
    for n in range(data.shape[3]):
        taken.append(found_in(values, *laid(data[..., n], near), taken))
    if None in taken:
        return "voxels"
    return diffusion_differs(nifti, [volumes[k] for k in taken]) if placed else "geometry"


def diffusion_differs(nifti, volumes):
    """Like `differs`, of b-values (5 s/mm2) and directions (1 degree, either way round)."""
    bval, bvec = nifti.with_suffix(".bval"), nifti.with_suffix(".bvec")
    if not bval.exists():
        return ""
    want = np.atleast_1d(np.loadtxt(bval))
    if not np.allclose([v.dicom.bvals[0] if "b" in v.coords else np.nan for v in volumes], want, atol=5):
        return "b"
    if not bvec.exists():
        return ""
    theirs, ours = directions(nifti, bvec), np.array([v.dicom.bvecs[0] for v in volumes])
    told = (want > 50) & (np.linalg.norm(theirs, axis=1) > 0.5)
    cosines = np.abs((theirs * ours).sum(axis=1)) / (np.linalg.norm(theirs, axis=1) * np.linalg.norm(ours, axis=1) + 1e-12)
    return "" if (cosines[told] > 0.99985).all() else "bvec"


def verdict(nifti, opened):
    """What differs between a NIfTI and whatever opens of its series: the best of all arrays counts."""
    uid = nifti.name.split("_")[0]
    mine = {key: array for key, array in opened.items() if uid and key.startswith(uid)} or opened
    grey = [
        a for a in mine.values() if not isinstance(a, dx.DcmxarrayError) and {"row", "col"} <= {*a.dims} and "rgb" not in a.dims
    ]
    if not grey:
        return "not opened"
    ranks = ["", "bvec", "b", "geometry", "voxels"]
    return min((differs(nifti, array) for array in grey), key=ranks.index)


def places():
    """Folders of real DICOM by source: beside the tests with what pydicom brings, and the large collection."""
    small = {path.name: path for path in SMALL.glob("*+*")} | {PYDICOM: WHEEL / "pydicom/data/test_files"}
    large = large_collection()
    return {"small": small} | ({"large": {source: large / source for source in SOURCES}} if large else {})


@pytest.fixture(scope="session", params=places())
def place(request):
    """Which of the `places`."""
    return request.param


@pytest.fixture(scope="session")
def verdicts(place, tmp_path_factory):
    """(source, end of UID, SeriesNumber) -> what differs, the worst of its NIfTI files; and how many there are."""
    found, count = {}, 0
    for source, folder in places()[place].items():
        opened = arrays(folder)
        for nifti in converted(folder, tmp_path_factory.mktemp("nifti")):
            if nibabel.load(nifti).get_data_dtype().fields is not None or nibabel.load(nifti).ndim > 4:
                continue
            uid, number = nifti.stem.split("_")[:2]
            count += 1
            key = (source, uid[-8:], number)
            found[key] = max(found.get(key, ""), verdict(nifti, opened))
    return found, count


def test_every_series_agrees_but_for_those_listed(place, verdicts):
    found, count = verdicts
    assert count >= LEAST[place]
    listed = {key: what for key, (what, _) in EXCEPTIONS.items() if place == "large" or key in found}
    assert {key: what for key, what in found.items() if what} == listed


def test_every_source_is_compared(place):
    if place == "small":
        assert {*places()[place]} <= {*SOURCES}
    else:
        assert sorted(p.name for p in large_collection().iterdir() if p.is_dir()) == sorted(SOURCES)
