"""Keep every n-th row and column of images too large for this folder: ``python tests/data/thin.py N FILE...``.

The first pixel stays where it was; Rows, Columns and PixelSpacing follow; all else stays.  A mosaic stays one where N divides the
sides of its tiles.
"""

import sys

import pydicom


def thin(path: str, step: int) -> None:
    """Rewrite one file of native pixels."""
    header = pydicom.dcmread(path)
    pixels = header.pixel_array[::step, ::step]
    header.PixelSpacing = [float(v) * step for v in header.PixelSpacing]
    header.Rows, header.Columns = pixels.shape
    header.PixelData = pixels.tobytes()
    header.save_as(path)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        thin(name, int(sys.argv[1]))
