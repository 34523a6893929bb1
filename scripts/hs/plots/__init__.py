# SPDX-License-Identifier: MIT
"""Plots of measured data (scripts/hyperscope plot and figures, and the notebooks).

results.py and data.py read the data, selection.py selects and checks what a plot shows, marks.py draws it in the
style of style.py, and chart.py adds labels and the foot. The other files draw the figures of this tree's data.
"""
import sys

from hs.errors import LaunchError

FORMATS = ("svg", "png", "pdf")


def library():
    """Check that matplotlib is installed; if not, say how to install it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise LaunchError("this Python (%s) has no matplotlib: run 'scripts/hyperscope setup figures'"
                          % sys.executable) from None
