"""``python -m dcmxarray``."""

import sys

from .cli import main

sys.exit(main())
