"""The rooms of the package, as one ordered list, held to the code: who may import whom, and whose words stay where.

The same rules are tried on small trees, each of which breaks one of them.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "dcmxarray"

# A room imports those above it and never those below.  A module without a line of its own belongs to the room that it is in.
ROOMS = (
    "errors",
    "jit",
    "model",
    "attributes",
    "parallel",
    "sources",
    "headers.compiled",
    "headers.vendors",
    "headers",
    "stacks",
    "pixels",
    "arrays",
    "stores",
    "cohorts",
    "accessor",
    "open",
    "engine",
    "testing",
    "demo",
    "cli",
    "__main__",
    "",  # dcmxarray/__init__.py
)

# What a room never imports from outside.
NEVER = {
    "errors": {"*"},
    "model": {"pydicom", "pandas", "xarray", "dask", "zarr"},
    "attributes": {"pydicom", "pandas", "xarray", "dask", "zarr"},
    "parallel": {"pydicom", "xarray", "zarr"},
    "sources": {"pydicom", "xarray", "dask", "zarr"},
    "headers.compiled": {"pydicom", "pandas", "xarray", "dask", "zarr"},
    "headers.vendors": {"pydicom", "pandas", "xarray", "dask", "zarr"},
    "headers": {"xarray", "dask", "zarr"},
    "stacks": {"pydicom", "xarray", "dask", "zarr", "os", "pathlib"},
    "pixels": {"zarr"},
    "arrays": {"zarr"},
    "stores": {"pydicom"},
    "cohorts": {"pydicom", "zarr"},
}

VENDORS = re.compile(r"(?<![a-z])(siemens|philips|canon|toshiba|uih|csa|gems)(?![a-z])", re.IGNORECASE)
PUBLIC_OPTIONS = {"philips_fp"}  # a value of rescale=, which users write
LONGEST_LOOPS = {"headers/compiled/walk.py": 90, "headers/compiled/groups.py": 90}  # a call costs more than its work


def modules(root: Path) -> dict[str, Path]:
    """Every module of a tree by its dotted name; a package by the name of its folder."""
    names = {p: p.relative_to(root).with_suffix("").as_posix().replace("/", ".") for p in sorted(root.rglob("*.py"))}
    return {"" if n == "__init__" else n.removesuffix(".__init__"): p for p, n in names.items()}


def room(name: str) -> str:
    """The room in which a module stands."""
    while name not in ROOMS:
        name = name.rpartition(".")[0]
    return name


def imported(path: Path, name: str, package: str, known: set[str]) -> Iterator[tuple[str, str]]:
    """(module, what is taken from it) of all imports of a file; modules of the package without its name, others with "/"."""
    parts = name.split(".") if path.name == "__init__.py" and name else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                inside = alias.name == package or alias.name.startswith(f"{package}.")
                yield (alias.name.removeprefix(package).lstrip("."), "") if inside else ("/" + alias.name.split(".")[0], "")
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = ".".join([*parts[: len(parts) - node.level + 1], *((node.module or "").split("."))]).strip(".")
            elif node.module == package or str(node.module).startswith(f"{package}."):
                base = str(node.module).removeprefix(package).lstrip(".")
            else:
                yield "/" + str(node.module).split(".")[0], ""
                continue
            for alias in node.names:
                whole = f"{base}.{alias.name}".lstrip(".")
                yield (whole, "") if whole in known else (base, alias.name)


def words(path: Path) -> Iterator[str]:
    """Names and texts of a file's code, without docstrings and comments."""
    tree = ast.parse(path.read_text())
    docs = {
        ast.get_docstring(n, clean=False) for n in ast.walk(tree) if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef))
    }
    for node in ast.walk(tree):
        for value in (getattr(node, field, None) for field in ("id", "attr", "name", "arg", "value")):
            if isinstance(value, str) and value not in docs:
                yield value
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def violations(root: Path, package: str = "dcmxarray") -> list[str]:
    """Every rule that a tree breaks, as "module: what"."""
    found = []
    names = modules(root)
    for name, path in names.items():
        here = room(name)
        for target, taken in imported(path, name, package, set(names)):
            if target.startswith("/"):
                never = NEVER.get(here, set())
                if ("*" in never and target != "/__future__") or target[1:] in never:
                    found.append(f"{name}: imports {target[1:]}")
                continue
            there = room(target)
            if ROOMS.index(there) > ROOMS.index(here):
                found.append(f"{name}: imports {target}, which lies below")
            if (
                here == there == "headers.vendors"
                and target.split(".")[-1] not in ("vendors", "base", "standard")
                and name != here
            ):
                found.append(f"{name}: imports another vendor, {target}")
            if taken.startswith("_") and not taken.startswith("__") and here != there:
                found.append(f"{name}: takes the private {taken} of {target}")
        if here not in ("headers.vendors", "testing"):
            found += [f"{name}: the vendor's word {w!r}" for w in words(path) if VENDORS.search(w) and w not in PUBLIC_OPTIONS]
        found += [f"{name}: takes the private {a}" for a in private_attributes(path, name, package, names)]
    return found + circles(names, package)


def private_attributes(path: Path, name: str, package: str, names: dict[str, Path]) -> Iterator[str]:
    """``module._name`` of modules of other rooms."""
    taken = {t.rpartition(".")[2]: t for t, what in imported(path, name, package, set(names)) if not what and t in names}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr.startswith("_"):
            target = taken.get(node.value.id)
            if target is not None and room(target) != room(name) and not node.attr.startswith("__"):
                yield f"{target}.{node.attr}"


def circles(names: dict[str, Path], package: str) -> list[str]:
    """Modules that import themselves by way of others; imports for type checkers alone count too."""
    reach = {n: {t for t, _ in imported(p, n, package, set(names)) if t in names and t != n} for n, p in names.items()}
    packages = {n for n, p in names.items() if p.name == "__init__.py"}
    reach = {n: {t for t in targets if t not in packages or not n.startswith(f"{t}.")} for n, targets in reach.items()}
    for middle in reach:
        for targets in reach.values():
            if middle in targets:
                targets |= reach[middle]
    return [f"{n}: imports itself in a circle" for n in reach if n in reach[n]]


def test_the_package_keeps_to_its_rooms():
    assert violations(ROOT) == []


def test_every_room_of_the_list_is_there():
    assert {r for r in ROOMS if r not in modules(ROOT)} == set()


BROKEN = {
    "a room below": ("stacks/split.py", "from ..pixels import lazy"),
    "a room below, inside a function": ("headers/scan.py", "def f():\n    from ..stacks import split"),
    "a room below, by its whole name": ("headers/scan.py", "import dcmxarray.stacks.split"),
    "a room below, from its whole name": ("headers/scan.py", "from dcmxarray.stacks import split"),
    "a room below, for types alone": ("stacks/split.py", "if TYPE_CHECKING:\n    from ..pixels.lazy import FrameArray"),
    "a skin": ("stacks/split.py", "from .. import open"),
    "the package itself": ("stacks/split.py", "from .. import scan"),
    "an outside library": ("stacks/split.py", "import pydicom"),
    "an outside library, inside a function": ("pixels/lazy.py", "def f():\n    from zarr.storage import LocalStore"),
    "a private name": ("stacks/split.py", "from ..headers.scan import _batches"),
    "a private name of a module": ("stacks/split.py", "from ..headers import scan\nscan._batches()"),
    "another vendor": ("headers/vendors/ge.py", "from . import siemens"),
    "another vendor's name": ("headers/vendors/ge.py", "from .siemens import b_value"),
    "a vendor's word": ("stacks/split.py", "def is_siemens(): ..."),
    "a vendor's word in a text": ("pixels/lazy.py", "x = 'Philips'"),
    "a circle": ("stacks/split.py", "from .arrange import x"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_rule_is_noticed(what, tmp_path):
    for name in ROOMS:
        path = tmp_path / name.replace(".", "/")
        path.mkdir(parents=True, exist_ok=True)
        (path / "__init__.py").touch()
    tree = {
        "headers/scan.py": "",
        "stacks/split.py": "",
        "stacks/arrange.py": "from .split import y",
        "pixels/lazy.py": "from ..stacks import split",
        "headers/vendors/siemens.py": "",
        "headers/vendors/ge.py": "",
    }
    for name, text in tree.items():
        (tmp_path / name).write_text(text)
    assert violations(tmp_path) == []
    name, text = BROKEN[what]
    (tmp_path / name).write_text(text)
    assert violations(tmp_path) != []


@pytest.mark.parametrize("module", sorted(p.relative_to(ROOT).as_posix() for p in ROOT.rglob("*.py")))
def test_files_and_functions_stay_small(module):
    source = (ROOT / module).read_text()
    assert source.count("\n") <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or node.end_lineno - body[0].lineno < LONGEST_LOOPS.get(module, 60), f"{module}: {node.name}"
