"""The door to bytes: folders walked, files read, local ones by the operating system and URLs by fsspec.

It never parses what it reads.
"""
