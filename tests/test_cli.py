import subprocess
import sys

import dcmxarray as dx
from dcmxarray.cli import main
from dcmxarray.testing import write_frame

from .making import frame, opened


def test_info_tells_what_is_there(capsys):
    assert main(["info", dx.testing.example("cohort")]) == 0
    out = capsys.readouterr().out
    assert "dce: slice:4 time:6 row:32 col:32, int32, 5 x 2 x 2 mm, time 0..25 (6) s" in out
    assert "b 0 1000 s/mm2" in out
    assert "2 arrays, 52 files" in out


def test_info_lists_what_could_not_be_read(capsys, tmp_path):
    write_frame(tmp_path / "a.dcm", {"EchoTime": 5})
    (tmp_path / "b.dcm").write_bytes((tmp_path / "a.dcm").read_bytes()[:300])
    assert main(["info", str(tmp_path)]) == 0
    assert "problem: " in capsys.readouterr().out


def test_errors_are_one_line_and_a_code(capsys, tmp_path):
    assert main(["info", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["info", str(tmp_path)]) == 1


def test_the_demo_runs(tmp_path):
    png = tmp_path / "demo.png"
    done = subprocess.run(
        [sys.executable, "-m", "dcmxarray", "demo", "--png", str(png)], capture_output=True, text=True, check=True
    )
    assert "1 of 24 files opened" in done.stdout
    assert png.read_bytes()[1:4] == b"PNG"


def test_an_index_of_volumes_has_no_seconds(capsys, tmp_path):
    frames = [frame(5 * s, AcquisitionTime="100000", InstanceNumber=2 * t + s, value=t) for s in range(2) for t in range(3)]
    opened(tmp_path, frames)
    assert main(["info", str(tmp_path)]) == 0
    assert "time 0 1 2\n" in capsys.readouterr().out
