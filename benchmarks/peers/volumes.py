"""A folder to voxels in memory: every reader as its users use it, headers and pixels, and the floor of reading alone."""

import glob
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import dcmxarray as dx


def dcmxarray(folder):
    return dx.open_series(folder, chunks=None).to_numpy()


def dcmxarray_dask(folder):
    return dx.open_series(folder).to_numpy()


def pydicom(folder):
    """The usual loop: read all, sort by time and position, stack."""
    import pydicom

    headers = [pydicom.dcmread(path) for path in glob.glob(f"{folder}/*.dcm")]
    headers.sort(key=lambda h: (float(h.ImagePositionPatient[2]), str(h.AcquisitionTime)))
    slices = len({float(h.ImagePositionPatient[2]) for h in headers})
    stack = np.stack([h.pixel_array for h in headers])
    return _shaped(stack, slices)


def _shaped(stack, slices):
    return stack.reshape(slices, -1, *stack.shape[1:]).squeeze()


def simpleitk(folder):
    import SimpleITK as Sitk

    reader = Sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return Sitk.GetArrayFromImage(reader.Execute())


def imagedata(folder):
    from imagedata.series import Series

    series = Series(str(folder), "time")
    return np.asarray(series) if series.ndim == 3 else np.moveaxis(np.asarray(series), 0, 1)


def highdicom(folder):
    import highdicom
    import pydicom

    headers = [pydicom.dcmread(path) for path in glob.glob(f"{folder}/*.dcm")]
    return highdicom.get_volume_from_series(headers, dtype=np.uint16).array


def dbdicom(folder):
    """A folder that it has not seen before: it keeps an index there.  It sets a switch of pydicom's that others can't bear."""
    import dbdicom as db
    import pydicom

    index = Path(folder) / "index.json"
    index.unlink(missing_ok=True)
    pydicom.config.datetime_conversion = True
    try:
        values = db.volume(db.series(str(folder))[0], dims=["TemporalPositionIdentifier"]).values
    finally:
        pydicom.config.datetime_conversion = False
        index.unlink(missing_ok=True)
    return np.moveaxis(values, (0, 1, 2, 3), (3, 2, 0, 1)).squeeze()


def _nifti(folder):
    import nibabel

    (path,) = glob.glob(f"{folder}/*.nii")
    values = np.asarray(nibabel.load(path).dataobj)
    return np.moveaxis(values, (0, 1, 2), (-1, -2, 0))[..., ::-1, :]


def dcm2niix(folder):
    with tempfile.TemporaryDirectory() as out:
        command = [str(Path(sys.executable).with_name("dcm2niix")), "-z", "n", "-b", "n", "-o", out, str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        return _nifti(out)


def dicom2nifti(folder):
    import dicom2nifti

    with tempfile.TemporaryDirectory() as out:
        dicom2nifti.convert_directory(str(folder), out, compression=False, reorient=False)
        return _nifti(out)


class Floor:
    """os.preadv of the pixels into one array, with their places known."""

    def __init__(self, folder):
        frames = dx.scan(folder)
        self.places = list(zip(frames["path"], frames["pixel_offset"], strict=True))
        self.shape = int(frames["Rows"].iloc[0]), int(frames["Columns"].iloc[0])

    def __call__(self, folder):
        out = np.empty((len(self.places), *self.shape), np.uint16)
        for k, (path, offset) in enumerate(self.places):
            handle = os.open(path, os.O_RDONLY)
            os.preadv(handle, [out[k]], offset)
            os.close(handle)


def load_only(folder):
    """Ours, opened before: what is left is reading and laying out."""
    array = dx.open_series(folder, chunks=None)
    return lambda _: array.to_numpy()


def agrees(ours, theirs):
    """ "" for the same voxels in the same order, else how they differ."""
    if theirs is None or np.array_equal(ours, theirs):
        return ""
    if theirs.size == ours.size:
        for flipped in (theirs[..., ::-1, :], theirs[..., ::-1], theirs[::-1]):
            if np.array_equal(ours, flipped):
                return "an axis reversed"
        if np.array_equal(np.sort(ours, axis=None), np.sort(np.asarray(theirs).astype(ours.dtype), axis=None)):
            return f"no time: {theirs.shape}" if theirs.ndim < ours.ndim else "the same voxels, laid out otherwise"
    return f"lesser or wrong: {theirs.shape} {theirs.dtype}"


def readers(folder):
    """Name -> function of a folder; the first is ours, the last the floor where there is one."""
    return {
        "dcmxarray": dcmxarray,
        "dcmxarray (dask)": dcmxarray_dask,
        "dcmxarray (opened before)": load_only(folder),
        "pydicom loop": pydicom,
        "SimpleITK ImageSeriesReader": simpleitk,
        "dcm2niix, then nibabel": dcm2niix,
        "dicom2nifti, then nibabel": dicom2nifti,
        "imagedata Series": imagedata,
        "dbdicom volume": dbdicom,
        "highdicom get_volume_from_series": highdicom,
    }
