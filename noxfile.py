"""Sessions: ``nox`` runs the tests; ``nox -s lint typing docs demo bench`` the rest."""

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests"]
nox.options.error_on_external_run = True


@nox.session
def tests(session: nox.Session) -> None:
    """The suite, with the docstrings' examples."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "auto", *session.posargs)


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
