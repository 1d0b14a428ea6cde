"""Headers of many files to rows of values: every reader as its users use it.  Ours finds the files itself, others are told."""

import os
import warnings
from pathlib import Path

import dcmxarray as dx
from dcmxarray.attributes import VOCABULARY

ASKED = ("SOPInstanceUID", "SeriesInstanceUID", "Modality", "Rows", "Columns", "InstanceNumber", "EchoTime", "SliceThickness")
NUMBERS = ("Rows", "Columns", "InstanceNumber", "EchoTime", "SliceThickness")
EVERY = [a.keyword for a in VOCABULARY]


def dcmxarray(paths):
    return dx.scan(Path(paths[0]).parent)


def dcmxarray_one_thread(paths):
    return dx.scan(Path(paths[0]).parent, scheduler="synchronous")


def _rows(paths, values):
    return [[values(path, keyword) for keyword in ASKED] for path in paths]


def pydicom(paths):
    import pydicom

    headers = (pydicom.dcmread(path, stop_before_pixels=True) for path in paths)
    rows = [{keyword: header.get(keyword) for keyword in EVERY} for header in headers]
    return [[row[keyword] for keyword in ASKED] for row in rows]


def pydicom_specific_tags(paths):
    import pydicom

    headers = (pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(ASKED)) for path in paths)
    return [[header.get(keyword) for keyword in ASKED] for header in headers]


def fastdicom(paths):
    import fastdicom

    headers = (fastdicom.dcmread(path, stop_before_pixels=True) for path in paths)
    return [[header.get(keyword, None) for keyword in ASKED] for header in headers]


def dicomsdl(paths):
    import dicomsdl

    headers = (dicomsdl.open_file(path) for path in paths)
    return [[getattr(header, keyword) for keyword in ASKED] for header in headers]


def gdcm_scanner(paths):
    import gdcm
    from pydicom.datadict import tag_for_keyword

    scanner = gdcm.Scanner()
    tags = [gdcm.Tag(tag_for_keyword(k) >> 16, tag_for_keyword(k) & 0xFFFF) for k in ASKED]
    for tag in tags:
        scanner.AddTag(tag)
    scanner.Scan(list(paths))
    return [[scanner.GetValue(path, tag) for tag in tags] for path in paths]


def fw_file_rs(paths):
    from fw_file_rs.dcm import Context

    context = Context().include_tags(list(ASKED))
    headers = (context.parse_header(context.read_until_pixels(path)) for path in paths)
    return [[header.get(keyword) for keyword in ASKED] for header in headers]


def simpleitk(paths):
    import SimpleITK as Sitk
    from pydicom.datadict import tag_for_keyword

    keys = [f"{tag_for_keyword(k) >> 16:04x}|{tag_for_keyword(k) & 0xFFFF:04x}" for k in ASKED]
    rows = []
    for path in paths:
        reader = Sitk.ImageFileReader()
        reader.SetFileName(path)
        reader.LoadPrivateTagsOff()
        reader.ReadImageInformation()
        rows.append([reader.GetMetaData(key) if reader.HasMetaDataKey(key) else None for key in keys])
    return rows


def floor(paths):
    """Bare open + pread 16 KiB + close."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        os.pread(handle, 16384, 0)
        os.close(handle)


def agrees(table, rows, paths):
    """Whether a peer's values are those of our table, as "" or as what differs."""
    by_path = table.drop_duplicates("path").set_index("path")
    wrong = dict.fromkeys(ASKED, 0)
    for path, row in zip(paths, rows, strict=True):
        ours = by_path.loc[path]
        for keyword, theirs in zip(ASKED, row, strict=True):
            wrong[keyword] += not _same(ours[keyword], theirs, keyword in NUMBERS)
    differing = [f"{k} in {n}" for k, n in wrong.items() if n]
    return "" if not differing else "differs: " + ", ".join(differing)


def _same(ours, theirs, number):
    import pandas as pd

    missing = theirs is None or str(theirs).strip() == ""
    if pd.isna(ours) or missing:
        return bool(pd.isna(ours)) == missing
    if number:
        try:
            return abs(float(ours) - float(theirs)) < 1e-6 * max(1, abs(float(ours)))
        except (TypeError, ValueError):
            return False
    return str(ours) == str(theirs).strip("\0 ")


def readers():
    """Name -> function of paths; the first is ours, the last the floor."""
    warnings.simplefilter("ignore")
    return {
        f"dcmxarray ({os.cpu_count()} threads, 110 columns)": dcmxarray,
        "dcmxarray (one thread)": dcmxarray_one_thread,
        "pydicom (all of the 110 columns)": pydicom,
        "pydicom specific_tags (8 keywords)": pydicom_specific_tags,
        "fastdicom (8 keywords)": fastdicom,
        "dicomsdl (8 keywords)": dicomsdl,
        "gdcm.Scanner (8 keywords)": gdcm_scanner,
        "fw-file-rs (8 keywords)": fw_file_rs,
        "SimpleITK (8 keywords)": simpleitk,
        "floor: open + pread 16 KiB + close": floor,
    }
