"""Frames for tests, in few words: what a test does not say is the writer's default."""

import numpy as np

import dcmxarray as dx
from dcmxarray.testing import write_series

X, Y, Z = [1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]
PLANE = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 2], "SliceThickness": 4, "SpacingBetweenSlices": 4}


def image(value, shape=(3, 4)):
    return np.full(shape, value, np.uint16)


def frame(z=0.0, **elements):
    """A frame at height ``z``; every pixel is ``value``."""
    value = elements.pop("value", 0)
    return {"ImagePositionPatient": [0, 0, z], "pixels": image(value), **elements}


def diffusion(z, b, g, n, **more):
    return frame(z, DiffusionBValue=float(b), DiffusionGradientOrientation=g, InstanceNumber=n, value=n, **more)


def opened(folder, frames, shuffle=0, **options):
    """The array of frames written to a folder."""
    write_series(folder, frames, shuffle=shuffle)
    return dx.open_series(folder, **options)
