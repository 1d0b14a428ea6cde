"""Small faults put into one module at a time: a test must notice each (mutation testing).

    python -m tests.mutants [--sample N] [--seed S] MODULE...    # dcmxarray/headers/vendors, dcmxarray/arrays/suv.py, ...

Each mutant is a child process in which the module's syntax tree has one change; the libraries are imported once, no file is
written.  The tests of the mirrored folder run (`ROOMS`).  Compiled functions are left out: numba would take its cache.
"""

import argparse
import ast
import importlib.util
import os
import random
import signal
import sys
import time
from copy import deepcopy
from importlib.abc import MetaPathFinder
from importlib.machinery import SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = {
    "dcmxarray/headers/vendors": "tests/headers/vendors",
    **{f"dcmxarray/{room}": f"tests/{room}" for room in ("pixels", "stacks", "arrays")},
    "dcmxarray/accessor.py": "tests/arrays",
}
LIBRARIES = (
    "pandas",
    "pyarrow.compute",
    "pydicom.pixels",
    "numba",
    "xarray",
    "dask.array",
    "zarr",
    "fsspec",
    "pytest",
    "hypothesis",
)
LIMIT = 120  # seconds a mutant; a loop that never ends is noticed
_PAIRS = (
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.In, ast.NotIn), (ast.Is, ast.IsNot), (ast.And, ast.Or)),
    *((ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.FloorDiv, ast.Mod), (ast.BitAnd, ast.BitOr), (ast.LShift, ast.RShift)),
)
SWAPS = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any", "argmin": "argmax", "argmax": "argmin", "floor": "ceil"}
SKIPPED = (ast.Raise, ast.JoinedStr, ast.arguments, ast.AnnAssign, ast.Import, ast.ImportFrom)


def changes(node: ast.AST) -> list:
    """Functions that put one fault each into a node of the tree."""
    found = []
    if isinstance(node, ast.Compare):
        found += [lambda n, i=i, o=o: n.ops.__setitem__(i, SWAPS[type(o)]()) for i, o in enumerate(node.ops)]
    elif isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in SWAPS:
        found.append(lambda n: setattr(n, "op", SWAPS[type(n.op)]()))
    elif isinstance(node, ast.UnaryOp):
        found.append(lambda n: setattr(n, "op", ast.UAdd() if not isinstance(n.op, ast.Not) else ast.Not()))
        if isinstance(node.op, ast.Not):
            found[-1] = lambda n: setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
        found.append(lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test)))
    elif isinstance(node, ast.Attribute) and node.attr in TWINS:
        found.append(lambda n: setattr(n, "attr", TWINS[n.attr]))
    elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float, str, bytes)):
        found.append(lambda n: setattr(n, "value", another(n.value)))
    return found


def another(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1 if value != 1e6 else value * 2
    return value + (b"x" if isinstance(value, bytes) else "x")


def places(tree: ast.AST) -> list:
    """(line, change, path of fields to the node) of every mutant, docstrings, messages and compiled functions apart."""
    found = []

    def walk(node: ast.AST, path: tuple) -> None:
        if isinstance(node, ast.keyword) and node.arg in ("strict", "maxsize"):  # they change nothing where all is right
            return
        if isinstance(node, SKIPPED) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            return
        if any(getattr(d, "id", "") == "compiled" for d in getattr(node, "decorator_list", [])):
            return
        found.extend((node.lineno, change, path) for change in changes(node))
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            for k, child in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(child, ast.AST):
                    walk(child, (*path, (name, k if isinstance(value, list) else None)))

    walk(tree, ())
    return found


def mutated(tree: ast.AST, place: tuple) -> tuple[ast.AST, str]:
    """The tree with one fault, and how it reads."""
    line, change, path = place
    whole = node = deepcopy(tree)
    for name, k in path:
        node = getattr(node, name) if k is None else getattr(node, name)[k]
    before = ast.unparse(node)
    change(node)
    brief = [" ".join(t.splitlines()[0].split())[:70] for t in (before, ast.unparse(ast.fix_missing_locations(node)))]
    return ast.fix_missing_locations(whole), f"{line}: {brief[0]}  ->  {brief[1]}"


class Mutant(MetaPathFinder, SourceFileLoader):
    """Imports one module from a tree in memory."""

    def __init__(self, file: Path, tree: ast.AST) -> None:
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        SourceFileLoader.__init__(self, name, str(file))
        self.tree = tree

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, name):
        return compile(self.tree, self.path, "exec")


def survives(file: Path, tree: ast.AST | None, tests: list[str]) -> bool:
    """Whether all tests pass in a child process where the module is the mutant."""
    child = os.fork()
    if child == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1), os.dup2(quiet, 2)
        signal.alarm(LIMIT)
        os.environ["DCMXARRAY_MUTANT"] = "1"
        if tree is not None:
            sys.meta_path.insert(0, Mutant(file, tree))
        import pytest

        plain = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow", "-W", "default"]
        os._exit(int(pytest.main([*plain, *tests])) != 0)
    return os.waitpid(child, 0)[1] == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=[r for r in ROOMS if (ROOT / r).exists()])
    parser.add_argument("--sample", type=int, default=0, help="at most so many mutants of each module or folder; 0 takes all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", nargs="*", help="instead of those of the mirrored folder")
    options = parser.parse_args()
    for name in LIBRARIES:
        importlib.import_module(name)
    os.chdir(ROOT)
    for module in options.modules:
        room = next(r for r in ROOMS if module.startswith(r))
        report(module, options.tests or [ROOMS[room]], options.sample, options.seed)


def own(file: Path, tests: list[str]) -> list[str]:
    """The test file that bears the module's name: it is the first to notice."""
    found = (Path(test) / f"test_{file.stem}.py" for test in tests)
    return [str(path) for path in found if path.is_file()]


def report(module: str, tests: list[str], sample: int, seed: int) -> None:
    """Print every survivor, and the share of mutants that were noticed."""
    files = sorted((ROOT / module).rglob("*.py")) if (ROOT / module).is_dir() else [ROOT / module]
    trees = {file: ast.parse(file.read_text()) for file in files}
    todo = [(file, place) for file, tree in trees.items() for place in places(tree)]
    if sample and sample < len(todo):
        todo = sorted(random.Random(seed).sample(todo, sample), key=lambda pair: (pair[0], pair[1][0]))
    assert survives(files[0], None, tests), f"{tests} fail without any mutant"
    left, began = 0, time.monotonic()
    for file, place in todo:
        tree, text = mutated(trees[file], place)
        if survives(file, tree, [*own(file, tests), *tests]):
            left += 1
            print(f"survives  {file.relative_to(ROOT)}:{text}", flush=True)
    seconds = time.monotonic() - began
    noticed = len(todo) - left
    print(f"{module}: {noticed} of {len(todo)} mutants noticed ({noticed / max(1, len(todo)):.0%}), {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
