# SPDX-License-Identifier: MIT
"""svg.py - draw an anatomy from left to right: stages at the top, and callers and callees below them.

An instruction has the same width in all systems, so lengths can be compared. A stage has the same
color everywhere. A name that is too long for its box is omitted, but shown while the pointer is on the box.
"""
from xml.sax.saxutils import escape

from hs import output
from .stages import STAGES

WIDTH, MARGIN, ROW, LETTER = 1200, 20, 16, 6.2
COLORS = dict(zip(STAGES, (
    "#bdbdbd", "#6baed6", "#3182bd", "#9ecae1", "#fdae6b", "#e6550d", "#fdd0a2", "#a1d99b",
    "#74c476", "#c7e9c0", "#31a354", "#41ab5d", "#9e9ac8", "#bcbddc", "#756bb1", "#fa9fb5",
    "#8c6bb1", "#fee391", "#fec44f", "#d9d9d9", "#969696", "#ff0000")))


def _runs(keys, widths):
    """Yield (key, first, width) for each run of equal keys; a key of None leaves a gap."""
    at, start, last = 0, 0, None
    for key, width in zip(keys, widths):
        if key != last:
            if last is not None:
                yield last, start, at - start
            start, last = at, key
        at += width
    if last is not None:
        yield last, start, at - start


class _Drawing:
    def __init__(self, longest):
        self.scale = (WIDTH - 2 * MARGIN) / max(longest, 1)
        self.parts = []
        self.y = MARGIN

    def text(self, x, words, size=12, weight="normal"):
        self.parts.append('<text x="%.1f" y="%.1f" font-size="%d" font-weight="%s">%s</text>'
                          % (x, self.y + ROW - 4, size, weight, escape(words)))

    def box(self, first, width, color, name, tip):
        if not width:
            return
        x, wide = MARGIN + first * self.scale, width * self.scale
        fits = len(name) * LETTER + 4 <= wide
        self.parts.append(
            '<g><title>%s</title><rect x="%.2f" y="%.1f" width="%.2f" height="%d" fill="%s" '
            'stroke="#ffffff" stroke-width="0.4"/>%s</g>'
            % (escape(tip), x, self.y, wide, ROW - 1, color,
               '<text x="%.2f" y="%.1f" font-size="10">%s</text>'
               % (x + 2, self.y + ROW - 5, escape(name)) if fits else ""))

    def legend(self, names):
        x = float(MARGIN)
        for name in names:
            wide = 30 + len(name) * LETTER
            if x + wide > WIDTH - MARGIN:
                x, self.y = MARGIN, self.y + ROW
            self.parts.append('<rect x="%.1f" y="%.1f" width="12" height="12" fill="%s"/>'
                              % (x, self.y, COLORS[name]))
            self.text(x + 16, name, 10)
            x += wide
        self.y += ROW + 6

    def anatomy(self, anatomy):
        steps = anatomy.steps
        widths = [int(step.counted) for step in steps]
        self.text(MARGIN, "%s: %s, %d instructions" % (anatomy.system, anatomy.row,
                                                       anatomy.total()), 12, "bold")
        self.y += ROW + 2
        for stage, first, width in _runs([step.stage for step in steps], widths):
            self.box(first, width, COLORS[stage], stage, "%s: %d instructions" % (stage, width))
        self.y += ROW + 2
        # Each stack lists the world, the callers, and the functions that contain the instruction, innermost last.
        stacks = [(step.world,) + step.stack[:-1] + tuple(reversed(step.chain)) for step in steps]
        for depth in range(1, max(map(len, stacks))):
            keys = [(stack[:depth + 1], step.stage) if len(stack) > depth else None
                    for stack, step in zip(stacks, steps)]
            for key, first, width in _runs(keys, widths):
                name = key[0][-1]
                self.box(first, width, COLORS[key[1]], name,
                         "%s: %d instructions from %d on, %s" % (name, width, first, key[1]))
            self.y += ROW
        self.y += ROW


def draw(found, path):
    """Write a picture of these anatomies, one below the other, to PATH."""
    drawing = _Drawing(max(anatomy.total() for anatomy in found))
    used = {step.stage for anatomy in found for step in anatomy.steps}
    drawing.legend([stage for stage in STAGES if stage in used])
    for anatomy in found:
        drawing.anatomy(anatomy)
    with output.create(path) as out:
        out.write('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
                  'font-family="monospace">\n<rect width="100%%" height="100%%" fill="white"/>\n'
                  % (WIDTH, drawing.y + MARGIN))
        out.write("\n".join(drawing.parts) + "\n</svg>\n")
