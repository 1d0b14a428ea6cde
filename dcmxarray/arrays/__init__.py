"""From grid and pixels to labelled arrays: dims, coordinates, attributes, units.

It never imports zarr and parses no header.  In reading order: ``build`` makes the array, ``suv`` scales PET.
"""
