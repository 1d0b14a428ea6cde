"""Trees: names of nodes, and the text."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from dcmxarray.cohorts import trees


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_of_nodes_are_one_to_one_and_no_paths(one, two):
    assert (trees.node(one) == trees.node(two)) == (one == two)
    assert "/" not in trees.node(one)
    assert trees.node(one) not in (".", "..", "%missing")


def test_missing_parts_have_a_name():
    assert {trees.node(part) for part in ("", None, pd.NA, float("nan"))} == {"%missing"}


def test_text_has_a_line_for_each_even_without_a_patient():
    rows = [(None, "1.1", "MR", "a\nb", 3), ("p", "1.2", "CT", "c", 1), ("p", "1.2", "CT", "d", 2)]
    columns = ["PatientID", "StudyInstanceUID", "Modality", "SeriesDescription", "frames"]
    labels = pd.DataFrame(rows, columns=columns, index=pd.Index(["k1", "k2", "k3"], name="key"))
    lines = trees.text(labels).splitlines()
    assert [line.split()[0] for line in lines] == ["patient", "study", "CT", "CT", "patient", "study", "MR"]
    assert lines[2] == "    CT c: 1 frames  k2"
