"""From grid and pixels to labelled arrays: dims, coordinates, attributes, units.

The room never imports zarr and parses no header.

In reading order: ``options`` checks what the user passes; ``build`` makes the array, with ``coords``, ``attrs``, ``chunks`` and
``more`` (elements that the frame table lacks); ``grid``, ``index`` and ``interp`` say where ``slice``, ``row`` and ``col`` lie,
and keep unlike planes apart; ``match`` brings two arrays together; ``affine`` and ``suv`` compute geometry and PET uptake from
an array; ``describe`` summarizes one; ``origin`` is the protocol of collections of arrays.
"""
