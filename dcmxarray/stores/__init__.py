"""Zarr stores: writes, verifies and opens arrays, one or a whole cohort.

It never imports pydicom and does not know `Cohort`: keys, openers and tables come in as data.  In reading order: ``keys``
names groups, ``layout`` chooses chunks and shards, ``identifiers`` says what is left out, ``objects`` is the only access to a
store's bytes, ``documents`` describes ``zarr.json``, ``claims`` says what a writer may touch, ``origins`` finds where an array
is read from, ``arrays`` writes and verifies one array, ``reading`` opens it, ``tables`` keeps the list of series and their
frames, ``cohorts`` writes and verifies many arrays.
"""
