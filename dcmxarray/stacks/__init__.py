"""From the frame table to grids: which frames share an array, and in which cell of it each frame lies.  Numbers alone.

It never opens a file, knows no vendor and imports neither xarray nor dask.  In reading order: ``split`` parts series into
stacks; ``arrange`` is the way from a stack to a `FrameGrid`, by ``work`` (the state on the way), ``slices``, ``axes``,
``diffusion`` and ``time``; ``explain`` words what does not fit; ``geometry`` has planes, clusters and affines.
"""
