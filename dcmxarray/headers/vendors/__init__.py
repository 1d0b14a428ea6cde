"""What vendors write in their own places: one file a vendor, in the order in which they are asked.

Each file holds its private elements (`PRIVATE`), and readers: pure functions from columns to values, NaN where the file
does not say.  The standard's own elements come first; the first reader that answers wins.
"""

from __future__ import annotations

from . import canon, ge, philips, siemens, standard, uih

VENDORS = (standard, siemens, ge, philips, uih, canon)

PRIVATE = tuple(element for vendor in VENDORS for element in vendor.PRIVATE)

MOSAICS = (siemens, uih)

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
COMPONENT_READERS = (standard.component, ge.component, philips.component)
