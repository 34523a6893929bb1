# SPDX-License-Identifier: MIT
"""notebook.py - what the notebooks share: a CSV as a frame, a figure that is checked, shown and kept, key numbers.

scripts/hyperscope notebooks says in $HS_NOTEBOOK where figures and key numbers go; in Jupyter they are only shown.
"""
import base64
import io
import os

import pandas
from IPython.display import HTML

from . import data, style

WHERE = "HS_NOTEBOOK"   # a path without its ending: OUT/notebooks/NAME
MADE_WITH = ["commit", "qemu", "opensbi", "kernel", "compiler", "binutils"]


def frame(name, folder=data.FOLDER):
    """A CSV of notebooks-data; an empty cell stays an empty text."""
    return pandas.read_csv(data.path_of(name, folder), keep_default_na=False)


def made_with(lines):
    """A frame of what its lines were made with: differing values, told by system."""
    return lines.groupby("system")[MADE_WITH].agg(lambda values: ", ".join(sorted(set(values.astype(str)))))


def show(drawn, name):
    """The figure, for the notebook to display. PlotError if it is empty, or would mislead."""
    style.check(drawn, name)
    where = os.environ.get(WHERE)
    if where:
        style.save(drawn, "%s.%s" % (os.path.basename(where), name), os.path.dirname(where))
    text = io.BytesIO()
    style.write(drawn, text, "svg")
    # nbconvert 6.5 empties an SVG that stands in the page itself; as an image it stays whole.
    return HTML('<img alt="%s" src="data:image/svg+xml;base64,%s">' % (name, base64.b64encode(text.getvalue()).decode()))


def key(name, value):
    """A number that the text rests on: shown, and kept for tests/scripts/notebooks.slow.t to compare."""
    where = os.environ.get(WHERE)
    if where:
        with open(where + ".numbers", "a", encoding="utf-8") as file:
            file.write("%s %.6g\n" % (name, value))
    print("%s: %.6g" % (name, value))
