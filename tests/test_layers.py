"""Who may import what: the table of CONTRIBUTING and of the design, held to the code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "dcmxarray"
NEVER = {
    "errors.py": {"*"},
    "attributes.py": {"pydicom", "xarray", "dask"},
    "model.py": {"pydicom", "xarray", "dask", "zarr"},
    "headers/": {"xarray", "dask", "zarr"},
    "scan.py": {"xarray", "zarr"},
    "series.py": {"pydicom", "xarray", "dask"},
    "geometry.py": {"pydicom", "xarray", "dask", "zarr"},
    "grid.py": {"pydicom", "xarray", "dask"},
    "grid_time.py": {"pydicom", "xarray", "dask"},
    "grid_errors.py": {"pydicom", "xarray", "dask"},
    "pixels/": {"zarr"},
    "stores/": {"pydicom"},
    "parallel.py": {"pydicom", "xarray", "zarr"},
    "members.py": {"pydicom", "dask.array", "zarr"},
    "to_xarray.py": {"zarr", "pydicom"},
}
LIMITS = {"headers/walk.py": 90, "headers/groups.py": 90}  # compiled loops: a call costs more than its work
MODULES = sorted(p.relative_to(ROOT).as_posix() for p in ROOT.rglob("*.py"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.add("." * node.level + (node.module or ""))
    return found - {"__future__"}


@pytest.mark.parametrize("module", MODULES)
def test_rooms_import_only_what_they_may(module):
    found = imports(ROOT / module)
    for room, forbidden in NEVER.items():
        if module == room or (room.endswith("/") and module.startswith(room)):
            assert not (found if "*" in forbidden else found & forbidden)


def test_vendors_do_not_know_each_other():
    names = {p.stem for p in (ROOT / "headers/vendors").glob("*.py")} - {"__init__", "private", "standard"}
    for name in names:
        assert not imports(ROOT / f"headers/vendors/{name}.py") & {f".{other}" for other in names}


def test_vendor_words_stay_in_the_header_pass():
    words = ("siemens", "philips", "canon", "toshiba", "uih", "csa")
    for module in ("grid.py", "grid_time.py", "series.py", "geometry.py", "model.py", "pixels/lazy.py", "pixels/native.py"):
        text = (ROOT / module).read_text().lower()
        assert not [w for w in words if f"{w}_" in text or f" {w} " in text], module


@pytest.mark.parametrize("module", MODULES)
def test_files_and_functions_stay_small(module):
    source = (ROOT / module).read_text()
    assert source.count("\n") <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or node.end_lineno - body[0].lineno < LIMITS.get(module, 60), f"{module}: {node.name}"
