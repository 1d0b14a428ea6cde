"""From the frame table to grids: which frames share an array, and in which of its cells each frame lies.

The room works on columns of numbers and text.  It never opens a file, knows no vendor and imports neither xarray nor dask.

In reading order: ``split`` divides series into stacks by ``features`` and ``apart`` (``copies`` leaves out copies of files);
``arrange`` turns a stack into a `FrameGrid`, step by step in ``slices``, ``axes``, ``diffusion``, ``cycles`` and ``time``, with
the intermediate state in ``work``; ``explain`` writes the error messages for frames that do not fit, ``doubles`` finds those
that hide an axis, and ``ways`` tries the ways out that a message names; ``geometry`` has planes, clusters and affines.
"""
