"""Habits of the house that drift unseen."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_one_version_of_ruff():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    hook = re.search(r"ruff-pre-commit\s+rev: v([\d.]+)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert extras["lint"] == [f"ruff=={hook[1]}"]


def test_every_dependency_has_a_tested_lower_bound():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tested = [
        bound for name in ("fast", "distributed", "view", "nifti", "test") for bound in project["optional-dependencies"][name]
    ]
    assert not [
        bound for bound in project["dependencies"] + tested if not re.search(">=|==", bound) and "dcmxarray[" not in bound
    ]
