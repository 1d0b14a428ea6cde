"""The compiled part of the header pass: the loops over bytes and over values.

It never touches pandas or DICOM's dictionary.  In reading order: ``loads`` reads numbers at any byte, ``walk`` finds elements,
``local`` opens files and walks them, ``groups`` finds the elements of functional groups, ``values`` converts numbers
and texts, ``moments`` dates and times.
"""
