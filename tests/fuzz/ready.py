"""Imported once, before children are forked: all that they start from."""

from . import targets
from .seeds import crafted, images, seeds

__all__ = ["targets"]

seeds(), images(), crafted()
