"""What is compiled is kept, and is of the sources that are there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dcmxarray
from dcmxarray import jit

FRAMES = """
import struct, numpy as np
from dcmxarray.headers.compiled.groups import walk_groups
item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
data = np.frombuffer(struct.pack("<HHI", 0x5200, 0x9230, len(item)) + item, np.uint8)
framed, none, at = np.array([0x52009230]), np.zeros(0, np.int64), np.zeros((0, 2), np.int64)
print(walk_groups(data, 0, False, (none, framed, none, none, none), at, at.astype(np.uint32), at.astype(np.uint32)))
"""


def frames(root, **environment):
    """What a process says whose package lies in ``root``."""
    env = {**os.environ, "PYTHONPATH": str(root), **environment}
    return subprocess.run([sys.executable, "-c", FRAMES], cwd=root, env=env, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def package(tmp_path):
    shutil.copytree(Path(dcmxarray.__file__).parent, tmp_path / "dcmxarray", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_change_of_what_is_called_reaches_its_callers(package):
    walk = package / "dcmxarray/headers/compiled/walk.py"
    source = walk.read_text()
    assert frames(package).strip() == "1"
    walk.write_text(source.replace("ITEM = 0xFFFEE000", "ITEM = 0xFFFEE001"))
    assert frames(package).strip() == "0"
    walk.write_text(source)
    assert frames(package).strip() == "1"
    assert len(list(package.rglob("groups._walk_groups-*.nbi"))) == 2


def test_what_is_kept_is_loaded_without_the_compiler(package):
    """numba's own way of loading imports all that it can compile."""
    (package / "twice.py").write_text(f"import sys\n{FRAMES}\nprint('numba.np.linalg' in sys.modules)")
    command, env = [sys.executable, "twice.py"], {**os.environ, "PYTHONPATH": str(package)}
    said = [subprocess.run(command, cwd=package, env=env, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert [text.split() for text in said] == [["1", "True"], ["1", "False"]]


def test_where_nothing_can_be_kept_it_works_anew(package):
    (package / "dcmxarray/headers/compiled/__pycache__").write_text("a file, where numba wants a folder")
    assert frames(package, HOME="/dev/null", XDG_CACHE_HOME="/dev/null/x", NUMBA_CACHE_DIR="").strip() == "1"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_is_told_that_it_compiles(monkeypatch, capsys, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)

    def one():
        return 1

    one.__module__ = "dcmxarray.one"
    assert jit.njit(one)() == 1
    said = capsys.readouterr().err
    assert ("compiling" in said and said.endswith(" \r")) == terminal


def test_a_helper_called_from_python_is_an_error():
    @jit.helper
    def inner(a):
        return a + 1

    @jit.njit
    def outer(a):
        return inner(a)

    assert outer(1) == 2
    with pytest.raises(TypeError, match=r"inner\(\) is a helper"):
        inner(1)


LOAD = """
import numpy as np
from dcmxarray.headers.compiled.loads import u32
from dcmxarray.jit import njit
load = njit(lambda buffer, place: u32(buffer, place))
print(load(np.arange(8, dtype=np.uint8)[:4], 0))
for place in (1, -1):
    try:
        load(np.zeros(8, np.uint8)[1:5], place)
        print("unchecked")
    except IndexError:
        print("checked")
"""


@pytest.mark.parametrize("checks", ["0", "1"])
def test_loads_check_bounds_on_demand(checks):
    env = {**os.environ, "NUMBA_BOUNDSCHECK": checks}
    said = subprocess.run([sys.executable, "-c", LOAD], env=env, capture_output=True, text=True, check=True).stdout.split()
    assert said == ["50462976", *["checked" if checks == "1" else "unchecked"] * 2]
