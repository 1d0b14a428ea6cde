"""Write what dcm2niix makes of each small series that vendors' tests compare: ``python tests/data/refer.py``.

Beside the folder of a series stands ``<folder>.dcm2niix.json``: the version that made it, shape and affine (RAS), b-values and
directions (as in the .bvec), slice times, the sum of each slice of each volume (k, t), and some voxels (i, j, k, t, value).
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import dcm2niix
import nibabel
import numpy as np

HERE = Path(__file__).parent
SERIES = (
    "neurolabusc+dcm_qa_canon/In",
    *(f"icometrix+dicom2nifti/tests/data/{name}/001" for name in ("ge/dti", "philips/dti", "philips_enhanced/dti")),
    "icometrix+dicom2nifti/tests/data/ge/dti/001_implicit",
    "icometrix+dicom2nifti/tests/data/siemens/dti_classic/001",
    "neurolabusc+dcm_qa_nih/In/20180918Si/mr_0003",
    "neurolabusc+dcm_qa_uih/In",
)
POINTS = 12  # a volume


def converted(folder: Path, out: str) -> Path:
    """The one NIfTI that dcm2niix writes for a series: display values, as the standard has them."""
    options = ["-b", "y", "-ba", "y", "-z", "n", "-p", "n", "-d", "9", "-f", "it", "-o", out, str(folder)]
    subprocess.run([str(dcm2niix.bin), *options], capture_output=True, check=True)
    (nifti,) = Path(out).glob("*.nii")
    return nifti


def points(data: Any) -> list[list[float]]:
    """Some bright voxels of every volume: (i, j, k, t, value)."""
    rng, out = np.random.default_rng(0), []
    for t in range(data.shape[3]):
        bright = np.argwhere(data[..., t] > np.median(data[..., t]))
        for place in rng.permutation(bright)[:POINTS].tolist():
            out.append([*place, t, float(data[(*place, t)])])
    return out


def reference(nifti: Path) -> dict[str, Any]:
    """What is kept of a NIfTI and the files beside it."""
    image: Any = nibabel.load(nifti)
    data = image.get_fdata().reshape(*image.shape[:3], -1)
    found: dict[str, Any] = {"affine": image.affine.round(7).tolist(), "shape": data.shape}
    for kind in ("bval", "bvec"):
        if (path := nifti.with_suffix(f".{kind}")).exists():
            found[kind] = np.loadtxt(path).tolist()
    sidecar = json.loads(nifti.with_suffix(".json").read_text())
    found |= {"slice_times": sidecar["SliceTiming"]} if "SliceTiming" in sidecar else {}
    return found | {"sums": data.sum((0, 1)).tolist(), "points": points(data)}


def write(name: str) -> None:
    """The reference of one series, beside its folder."""
    with tempfile.TemporaryDirectory() as out:
        found = reference(converted(HERE / name, out))
    version = subprocess.run([str(dcm2niix.bin), "--version"], capture_output=True, text=True, check=False).stdout.split()[-1]
    rows = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in {"made by": f"dcm2niix {version}", **found}.items()]
    (HERE / f"{name}.dcm2niix.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    for name in SERIES:
        write(name)
