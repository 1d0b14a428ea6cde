"""From frame sources to values: which frames an index asks for, read or decoded into their places.

It never imports zarr and knows no dims.  In reading order: ``frame_sources`` says where frames lie (``layout`` what may be),
``lazy`` answers indexers, ``blocks`` reads native frames (``native``, ``local``, ``reading``), ``encapsulated`` finds compressed
ones and ``codecs`` decodes them (``codestream``, ``colour``, ``rle``), ``by_pydicom`` does what is left, ``rescale`` makes
real-world values; ``copies`` tells copies of a file by their pixels.
"""
