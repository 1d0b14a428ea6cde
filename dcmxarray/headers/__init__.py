"""From bytes to the frame table: the columnar header pass.

It never imports xarray, dask or zarr. In reading order: ``scan`` reads folders in batches, and ``batch`` reads one of them.
``elements`` lists the wanted elements (of the type ``element``), ``asked`` and ``every`` those that a user asks for; ``heads``
reads the files and locates these elements (``compiled`` does the work; ``by_pydicom`` reads the files that it can't).
``columns`` converts the values. ``expand`` turns rows per file into rows per frame (``functional`` reads functional groups,
``nested`` paths into sequences, ``bounds`` checks what a file can hold). ``computed`` and ``vendors`` interpret.
"""
