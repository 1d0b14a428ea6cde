"""What vendors write in their own places: one file a vendor, in the order in which they are asked.

Each file holds its private elements (`PRIVATE`), and readers: pure functions from columns to values, NaN where the file
does not say.  The standard's own elements come first; the first reader that answers wins.
"""

from __future__ import annotations

from . import canon, ge, philips, siemens, standard, uih

VENDORS = (standard, siemens, ge, philips, uih, canon)

PRIVATE = tuple(element for vendor in VENDORS for element in vendor.PRIVATE)

MOSAICS = (siemens, uih)

B_VALUE_READERS = (
    standard.b_value,
    siemens.b_value,
    siemens.csa_b_value,
    ge.b_value,
    philips.b_value,
    uih.b_value,
    canon.b_value,
)
GRADIENT_READERS = (
    standard.gradient,
    siemens.gradient,
    siemens.csa_gradient,
    ge.gradient,
    philips.gradient,
    uih.gradient,
    canon.gradient,
)
COMPONENT_READERS = (standard.component, ge.component, philips.component)
