"""The kinds of error that dcmxarray raises; it imports nothing, so that every room may raise them."""

FATAL = (KeyboardInterrupt, SystemExit, GeneratorExit)  # everything else, a decoder's panic too, costs one file or one array


class DcmxarrayError(Exception):
    """Base of every error that dcmxarray raises on purpose."""


def one_line(error: BaseException) -> str:
    """An error's message on one line, for tables and command lines."""
    return " ".join(str(error).split())


_MOST = 1000  # characters of a problem


def problem_of(error: BaseException) -> str:
    """What to note of an array that can't be opened: our own message as it is, any other with its kind."""
    text = one_line(error)[:_MOST]
    return text if isinstance(error, DcmxarrayError) else f"{type(error).__name__}: {text}"


class HeaderError(DcmxarrayError):
    """A header could not be read: no DICOM found under a path, or an element that is needed is missing."""


class SeriesError(DcmxarrayError):
    """The source does not hold exactly one array: no series, several, or one that holds several stacks."""


class GridError(DcmxarrayError):
    """The frames of a stack do not fill a grid: holes, doubles, or coordinates that contradict each other."""


class PixelError(DcmxarrayError):
    """Pixels could not be read or decoded: truncated data, or a codec that is not installed."""


class StoreError(DcmxarrayError):
    """A Zarr store could not be written or read: something else is there, or what is there is not whole."""
