"""Vendors' private elements and how to read them; one file per vendor.

Each file has a table of private elements (`PRIVATE`) and readers: pure functions from columns to values, NaN where the header
has none.  They are tried in the order below, and the first value found is taken; the standard's elements come first.  In
reading order: ``base``, ``standard``, then ``siemens``, ``ge``, ``philips``, ``uih``, ``canon``.
"""

from __future__ import annotations

from . import canon, ge, philips, siemens, standard, uih

VENDORS = (standard, siemens, ge, philips, uih, canon)

PRIVATE = tuple(element for vendor in VENDORS for element in vendor.PRIVATE)

MOSAICS = (siemens, uih)

LARGE_ELEMENTS = (standard, siemens)  # vendors with large elements, which are read only for the files that need them
LARGE_COLUMNS = frozenset(name for vendor in LARGE_ELEMENTS for name in vendor.LARGE)

LEAVES = (*philips.LEAVES, *uih.LEAVES)
FRAMED = uih.FRAMED  # vendors' sequences with an item per frame

FLOATING_POINT = philips.floating_point  # slope and intercept that give a vendor's own values

# (reader, the column that it needs): a reader is called only for rows that have a value in this column.
B_VALUE_READERS = (
    (standard.b_value, "_b"),
    (siemens.b_value, "_siemens_b"),
    (siemens.csa_b_value, "_csa"),
    (ge.b_value, "_ge_b"),
    (philips.b_value, "_philips_b"),
    (uih.b_value, "_uih_b"),
    (canon.b_value, "_comments"),
)
GRADIENT_READERS = (
    (standard.gradient, "_gradient_x"),
    (siemens.gradient, "_siemens_gradient_x"),
    (siemens.csa_gradient, "_csa"),
    (ge.gradient, "_ge_gradient_x"),
    (philips.gradient, "_philips_gradient_x"),
    (uih.gradient, "_uih_gradient_x"),
    (canon.gradient, "_comments"),
)
SCAN_TIME_READERS = ((philips.scan_time, "_philips_time"),)
# Columns of words, and their readers; the words depend on WORD_COLUMNS alone.
WORD_READERS = {
    "component": (standard.component, ge.component, philips.component),
    "derived": (standard.derived,),
    "kind": (standard.kind,),
    "variant": (ge.variant, philips.variant),
    "label": (standard.label, philips.label),
}
WORD_COLUMNS = (
    *("ImageType", "ComplexImageComponent", "_label"),
    *("_philips_part", "_philips_label", "_ge_part", "_ge_variant"),
)
