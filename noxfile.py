"""Sessions: ``nox`` runs the tests; ``nox -s lint typing docs demo bench mutants fuzz`` the rest.

``nox -s tests-3.11 ... tests-3.14`` tests on other interpreters, ``nox -s minimum`` with the oldest versions that are declared.
"""

import re
import shutil
import zipfile
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests"]
nox.options.error_on_external_run = True

EXTRAS = ("fast", "distributed", "view", "nifti", "test")


def suite(session: nox.Session) -> None:
    """The suite, with the docstrings' examples."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "auto", *session.posargs)


nox.session(suite, name="tests")
for version in ("3.11", "3.12", "3.13", "3.14"):
    nox.session(suite, name=f"tests-{version}", python=version)


def oldest() -> list[str]:
    """Every lower bound of pyproject.toml as the version itself."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    extras = [project["optional-dependencies"][name] for name in EXTRAS]
    bounds = [bound for group in (project["dependencies"], *extras) for bound in group]
    return [re.sub(r"(\[.*\])?>=([^,]+).*", r"==\2", bound) for bound in bounds if ">=" in bound]


@nox.session(python="3.11")
def minimum(session: nox.Session) -> None:
    """The suite with the oldest versions that pyproject.toml declares."""
    constraints = Path(session.create_tmp()) / "oldest.txt"
    constraints.write_text("\n".join(oldest()) + "\n")
    session.install("-e", ".[test]", "-c", str(constraints))
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """The share of lines and branches that the suite runs, compiled functions apart: tracing does not see into them."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "auto", "--cov", "--cov-report=term", "--cov-report=html", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """The wheel and the source distribution, and a look into both."""
    session.install("build", "twine")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    session.run("twine", "check", "--strict", *map(str, Path("dist").iterdir()))
    (wheel,) = Path("dist").glob("*.whl")
    if "dcmxarray/py.typed" not in zipfile.ZipFile(wheel).namelist():
        session.error(f"{wheel} has no py.typed")


@nox.session
def lint(session: nox.Session) -> None:
    """Style."""
    session.install(".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Types, strictly."""
    session.install("-e", ".[typing]")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation; warnings are errors."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def demo(session: nox.Session) -> None:
    """A first look."""
    session.install(".[view]")
    session.run("dcmxarray", "demo", "--png", "dcmxarray-demo.png")


@nox.session
def bench(session: nox.Session) -> None:
    """Every benchmark once, quickly."""
    session.install("-e", ".[bench]")
    session.run("asv", "machine", "--yes", "--machine", "here")
    session.run("asv", "run", "--python=same", "--quick", "--show-stderr", "--machine", "here", *session.posargs)


@nox.session
def peers(session: nox.Session) -> None:
    """The table of docs/peers.md: every reader of DICOM on the same files."""
    session.install("-e", ".[peers]")
    session.run("python", "-m", "benchmarks.peers")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Broken files, made anew for so many seconds (``-- 600``), then again with compiled code that checks its bounds."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.fuzz", *(session.posargs or ["60"]))
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": session.create_tmp()}
    session.run("python", "-m", "tests.fuzz", *(session.posargs or ["60"]), env=checked)


@nox.session
def mutants(session: nox.Session) -> None:
    """Small faults put into the code one at a time: who survives?  ``-- --sample 50 dcmxarray/arrays/suv.py`` for a part."""
    session.install("-e", ".[test]")
    session.run("python", "-W", "ignore", "-m", "tests.mutants", *session.posargs)
