# SPDX-License-Identifier: MIT
"""notebook.py - functions for notebooks: read CSV files as frames, check, show and save figures, print key numbers.

scripts/hyperscope notebooks sets $HS_NOTEBOOK to the prefix of the paths to which figures and key numbers are
saved. In Jupyter, it is not set, and they are only shown.
"""
import base64
import io
import os

import pandas
from IPython.display import HTML

from . import data, style

WHERE = "HS_NOTEBOOK"   # environment variable: prefix of the paths of saved files, OUT/notebooks/NAME
MADE_WITH = ["commit", "qemu", "opensbi", "kernel", "compiler", "binutils"]


def frame(name, folder=data.FOLDER):
    """Return a CSV file of notebooks-data as a frame; empty cells are empty strings."""
    return pandas.read_csv(data.path_of(name, folder), keep_default_na=False)


def made_with(lines):
    """Return a frame with the provenance of the lines, by system."""
    return lines.groupby("system")[MADE_WITH].agg(lambda values: ", ".join(sorted(set(values.astype(str)))))


def show(drawn, name):
    """Save the figure if $HS_NOTEBOOK is set, and return it for display. Raise PlotError if it is empty or misleading."""
    style.check(drawn, name)
    where = os.environ.get(WHERE)
    if where:
        style.save(drawn, "%s.%s" % (os.path.basename(where), name), os.path.dirname(where))
    text = io.BytesIO()
    style.write(drawn, text, "svg")
    # nbconvert 6.5 removes the contents of an inline SVG, but not of an image.
    return HTML('<img alt="%s" src="data:image/svg+xml;base64,%s">' % (name, base64.b64encode(text.getvalue()).decode()))


def key(name, value):
    """Print a number on which the notebook's text relies. If $HS_NOTEBOOK is set, save the number for
    tests/scripts/notebooks.slow.t, which compares it with the CSV file."""
    where = os.environ.get(WHERE)
    if where:
        with open(where + ".numbers", "a", encoding="utf-8") as file:
            file.write("%s %.6g\n" % (name, value))
    print("%s: %.6g" % (name, value))
