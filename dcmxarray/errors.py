"""The exceptions of dcmxarray.  The module imports nothing, so that every room can raise them."""

# Always raised again.  Any other exception, even a decoder's panic, affects one file or one array.
FATAL = (KeyboardInterrupt, SystemExit, GeneratorExit)


class DcmxarrayError(Exception):
    """Base of every error that dcmxarray raises on purpose."""


def one_line(error: BaseException) -> str:
    """An error's message on one line, for tables and command lines."""
    return " ".join(str(error).split())


_MOST = 1000  # characters of a ``problem``


def problem_of(error: BaseException) -> str:
    """The text for a ``problem`` column: the message of a `DcmxarrayError`, or type and message of any other exception."""
    text = one_line(error)[:_MOST]
    return text if isinstance(error, DcmxarrayError) else f"{type(error).__name__}: {text}"


class HeaderError(DcmxarrayError):
    """A header could not be read: there is no DICOM under a path, or a necessary element is missing."""


class SeriesError(DcmxarrayError):
    """The source does not hold exactly one array: no series, several, or one that holds several stacks."""


class GridError(DcmxarrayError):
    """The frames of a stack do not fill a grid: holes, doubles, or coordinates that contradict each other."""


class PixelError(DcmxarrayError):
    """Pixels could not be read or decoded: truncated data, or a codec that is not installed."""


class StoreError(DcmxarrayError):
    """A Zarr store could not be written or read: the target holds something else, or the store is incomplete."""
