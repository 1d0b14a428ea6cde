"""From grid and pixels to labelled arrays: dims, coordinates, attributes, units.

The room never imports zarr and parses no header.

In reading order: ``options`` checks what the user passes; ``build`` makes the array, with ``coords``, ``attrs``, ``chunks``,
``more`` (elements that the frame table lacks), ``segments`` (labels of segmentations) and ``variable`` (what makes selections
before reading); ``grid``, ``index`` and ``guards`` say where ``slice``, ``row`` and ``col`` lie, and keep unlike planes apart;
``match`` brings two arrays together; ``files`` says which files an array is from and ``shells`` selects b-values; ``affine``
and ``suv`` compute geometry and PET uptake from an array; ``describe`` summarizes one; ``origin`` is the protocol of
collections of arrays.
"""
