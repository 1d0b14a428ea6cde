"""The compiled part of the header pass: what is done for every byte or every value.

It never touches pandas, Arrow columns or DICOM's dictionary.  In reading order: ``local`` opens and reads files, ``walk`` finds
elements, ``groups`` finds those of functional groups, ``values`` converts them.
"""
