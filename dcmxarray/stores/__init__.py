"""Zarr: arrays and whole cohorts kept in stores.

``objects`` is the door to a store's bytes, ``layout`` chooses chunks and shards, ``identifiers`` what is left out, ``arrays``
writes, opens and verifies one array, ``tables`` keeps the list of series, ``cohorts`` writes many, ``members`` opens them.
"""
