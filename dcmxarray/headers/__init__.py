"""From bytes to the frame table: the columnar header pass.

It never imports xarray, dask or zarr.  In reading order: ``scan`` walks trees in batches, ``batch`` is the pass over one;
``elements`` says what is wanted, ``heads`` reads and finds it (by ``compiled``; what that leaves, ``by_pydicom``), ``columns``
converts, ``expand`` makes frames of files (``functional``, ``bounds``), ``computed`` and ``vendors`` interpret.
"""
