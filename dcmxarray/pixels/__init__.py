"""From frame sources to values: finds the frames that an index asks for, and reads or decodes each into its place.

It never imports zarr and knows no dims. In reading order: ``frame_sources`` says where frames lie, ``scales`` what their values
mean and ``layout`` checks how their pixels are laid out; ``lazy`` is the lazy array, ``window`` a selection from it,
``chunked`` a dask array that reads one, ``packed`` its pickle; ``blocks`` reads native frames (with ``native``, ``local`` and
``reading``); ``encapsulated`` finds compressed frames and ``codecs`` decodes them (with ``codestream``, ``colour`` and
``rle``); ``by_pydicom`` reads the remaining layouts and parts of large images (``inflated``: those of deflated files);
``rescale`` computes real-world values; ``copies`` recognizes copies by their pixels.
"""
