"""Lazy, chunked, labelled arrays for large DICOM cohorts."""

from . import accessor as _accessor
from .api import open_series
from .cohort import Cohort, open_cohort
from .errors import DcmxarrayError, GridError, HeaderError, PixelError, SeriesError
from .scan import scan
