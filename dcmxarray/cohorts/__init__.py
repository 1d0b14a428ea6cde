"""Many arrays under one roof: tables of them, queries, map, and the index that keeps their headers.

It never decodes a pixel and never imports zarr.  In reading order: ``cohort`` is what users hold, ``members`` are its arrays
from DICOM files, ``from_store`` those from a Zarr store, ``index`` keeps the frame table in Parquet.
"""
