"""The door to bytes: finds and reads files, local ones by the operating system and URLs by fsspec.

It never parses what it reads.  In reading order: ``files`` reads bytes, sizes and modification times, ``folders`` walks
folders, ``system`` lets compiled code look at open files.
"""
