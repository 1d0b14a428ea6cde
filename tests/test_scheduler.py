"""``scheduler=`` is one word with one meaning wherever work is divided; the progress bar is there wherever one can be shown."""

import sys
import types

import pytest

import dcmxarray as dx
from dcmxarray import parallel


def calls(folder, out):
    cohort = dx.open_cohort(folder)
    return [
        lambda **how: dx.scan(folder, **how),
        lambda **how: dx.open_cohort(folder, **how),
        lambda **how: dx.open_cohort(folder, index=out / "i.parquet", **how),
        lambda **how: dx.open_cohort(cohort.frames, **how),
        lambda **how: cohort.map(lambda da: da.ndim, **how),
        lambda **how: cohort.to_zarr(out / "c.zarr", **how),
        lambda **how: cohort.verify(out / "c.zarr", **how),
    ]


@pytest.mark.parametrize("wrong", ["thread", "", 0, "Threads"])
def test_a_typo_lists_what_is_accepted(tmp_path, wrong):
    for call in calls(dx.testing.example("cohort"), tmp_path):
        with pytest.raises(ValueError, match="none of 'threads', 'processes', 'synchronous', 'distributed', a client, None"):
            call(scheduler=wrong)
    assert not (tmp_path / "c.zarr").exists()


def test_the_same_names_are_accepted_everywhere(tmp_path):
    for name in ("threads", "synchronous", None):
        for call in calls(dx.testing.example("cohort"), tmp_path / str(name)) if (tmp_path / str(name)).mkdir() is None else ():
            assert len(call(scheduler=name)) in (2, 52)


def test_another_word_is_an_error_that_lists_the_options():
    cohort = dx.open_cohort(dx.testing.example("cohort"))
    for call in (lambda: cohort.map(len, client="threads"), lambda: cohort.to_zarr("x.zarr", client="threads")):
        with pytest.raises(TypeError, match=r"takes no 'client'; its options are .*scheduler"):
            call()


class Kernel:
    """What ``IPython.get_ipython()`` returns in a notebook."""

    kernel = object()


@pytest.fixture
def notebook(monkeypatch):
    """A notebook's kernel, with or without ipywidgets."""
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=Kernel))
    parallel._bar_type.cache_clear()
    yield monkeypatch
    parallel._bar_type.cache_clear()


def slow(item):
    import time

    time.sleep(0.6)
    return item


def test_in_a_notebook_without_widgets_a_line_of_text_shows_the_progress(notebook, capsys):
    from tqdm import notebook as widgets

    notebook.setattr(widgets, "IProgress", None)
    assert dict(parallel.results(slow, range(3), 3, "synchronous", "headers")) == {0: 0, 1: 1, 2: 2}
    shown = capsys.readouterr()
    assert "headers" in shown.err + shown.out
    assert "IProgress" not in shown.err


def test_where_output_is_no_terminal_there_is_no_bar(capsys):
    list(parallel.results(slow, range(3), 3, "synchronous", "headers"))
    assert capsys.readouterr().err == ""
