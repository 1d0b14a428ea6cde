"""Expressions of `Cohort.query` in pandas' syntax: evaluated, and what is wrong with them in words.  Opens no file."""

from __future__ import annotations

import pandas as pd

from ..errors import problem_of


def rows(table: pd.DataFrame, expression: str) -> list[str]:
    """The keys of the rows for which an expression is true."""
    try:
        return table.query(expression).index.tolist()
    except Exception as error:
        raise wrong(expression, error) from error


def wrong(expression: str, error: Exception) -> ValueError:
    """The error for an expression that pandas can't evaluate."""
    return ValueError(
        f"query({expression!r}), over columns of cohort.frames or of cohort.series: {problem_of(error)}. "
        "For columns of both, ask one table after the other: query(...).query(...)"
    )
