"""A measurement as one page that a person reads.

Measurement + summary -> report.html, whole in itself

It never measures. `rendering` makes the picture of the surfaces, `pictures` draws the others.
"""

from seget.measurement.report.page import REPORT, write_report

__all__ = ["REPORT", "write_report"]
