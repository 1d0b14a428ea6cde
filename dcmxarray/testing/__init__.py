"""Synthetic DICOM series for tests, examples and demonstrations: small and anonymous, with any elements.

`write_series` writes frames as files, `write_enhanced` a multi-frame file, `write_cohort` many series; `dce` and `dwi` describe
two common series; `example` makes a folder with them; `count_reads` lists the files that a block of code opens.
"""

from __future__ import annotations

from .counting import count_reads
from .enhanced import write_enhanced
from .examples import dce, dwi, example
from .many import write_cohort
from .writer import Frame, write_frame, write_series

__all__ = ["Frame", "count_reads", "dce", "dwi", "example", "write_cohort", "write_enhanced", "write_frame", "write_series"]
