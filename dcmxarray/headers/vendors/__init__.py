"""What vendors write in their own places: one file a vendor, in the order in which they are asked.

Each file holds its private elements (`PRIVATE`), and readers: pure functions from columns to values, NaN where the file
does not say.  The standard's own elements come first; the first reader that answers wins.
"""

from __future__ import annotations

from . import canon, ge, philips, siemens, standard, uih

VENDORS = (standard, siemens, ge, philips, uih, canon)

PRIVATE = tuple(element for vendor in VENDORS for element in vendor.PRIVATE)

MOSAICS = (siemens, uih)

LARGE_ELEMENTS = (siemens,)  # vendors of which large elements are read, for the rows that need them
LARGE_COLUMNS = frozenset(name for vendor in LARGE_ELEMENTS for name in vendor.LARGE)

LEAVES = (*philips.LEAVES, *uih.LEAVES)
FRAMED = uih.FRAMED  # sequences with an item for every frame, besides the standard's

FLOATING_POINT = philips.floating_point  # slope and intercept to a vendor's own values

# (reader, the column that it cannot do without): a reader is asked only about rows that have it.
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
PART_COLUMNS = ("_philips_part", "_ge_part")  # what component readers look at, besides the standard's
COMPONENT_READERS = (standard.component, ge.component, philips.component)
