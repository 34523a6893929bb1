# SPDX-License-Identifier: MIT
"""drawing.py - draw a figure of the docs (boxes, arrows and words at given places) as an SVG.

A figure gives the positions. This module gives the style, for light and dark pages, and rejects
errors: words that do not fit their box, overlapping elements, an arrow through a word, and a name
in `backticks` that the sources do not contain.

Widths are those of DejaVu, the widest font in which a page may be shown. No layout program is used:
its versions would place elements differently, so an SVG file could not be checked against its source.
"""
import re
from xml.sax.saxutils import escape

SIZE = 13
LINE = 18
PAD = 8
CODE = re.compile(r"`([^`]*)`")
FILE = re.compile(r"[\w/-]+\.[cSh]$")
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")

# kind -> (fill and stroke on light pages, fill and stroke on dark pages)
KINDS = {
    "page": ("#ffffff", "#ffffff", "#0d1117", "#0d1117"),
    "plain": ("#f6f8fa", "#57606a", "#21262d", "#8b949e"),
    "guest": ("#ddf4ff", "#0969da", "#0c2d4d", "#58a6ff"),
    "core": ("#dafbe1", "#1a7f37", "#12361f", "#3fb950"),
    "user": ("#fff1e5", "#bc4c00", "#3d2008", "#f0883e"),
    "hart": ("#f3e8ff", "#8250df", "#2b1c48", "#bc8cff"),
    "band": ("#ffffff", "#d0d7de", "#0d1117", "#30363d"),
}
TEXT = ("#1f2328", "#e6edf3")
FAINT = ("#57606a", "#9198a1")


class DrawingError(Exception):
    """An error in a figure, described in one sentence."""


def style():
    def rules(offset):
        text, faint = TEXT[offset // 2], FAINT[offset // 2]
        yield "text{fill:%s}.faint{fill:%s}" % (text, faint)
        yield ".arrow{stroke:%s}.head{fill:%s}" % (text, text)
        for kind, colors in KINDS.items():
            yield ".%s{fill:%s;stroke:%s}" % (kind, colors[offset], colors[offset + 1])
    sans = "'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif"
    mono = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
    return ("text{font:%dpx %s}.code{font-family:%s;font-size:%dpx}.bold{font-weight:600}"
            ".arrow{fill:none;stroke-width:1.5}.dashed{stroke-dasharray:5 4}rect{stroke-width:1.5}"
            "%s@media(prefers-color-scheme:dark){%s}"
            % (SIZE, sans, mono, SIZE - 1, "".join(rules(0)), "".join(rules(2))))


def sans_width(text, bold):
    """Return the approximate width of a string in DejaVu Sans, in pixels."""
    em = 0.0
    for c in text:
        em += 0.32 if c in " .,:;'|!ijlI()[]/ft" else 0.9 if c in "mwMW@%" else 0.72 if c.isupper() else 0.62
    return em * SIZE * (1.07 if bold else 1)


def width_of(text):
    bold = text.startswith("*")
    total = 0.0
    for i, part in enumerate(CODE.split(text.lstrip("*"))):
        total += len(part) * 0.603 * (SIZE - 1) if i % 2 else sans_width(part, bold)
    return total


class Area:
    """A rectangle of the figure. left(), right(), top() and bottom() return the point at AT (0 to 1) of that side."""

    def __init__(self, x, y, w, h, what):
        self.x, self.y, self.w, self.h, self.what = x, y, w, h, what

    def left(self, at=0.5):
        return self.x, self.y + self.h * at

    def right(self, at=0.5):
        return self.x + self.w, self.y + self.h * at

    def top(self, at=0.5):
        return self.x + self.w * at, self.y

    def bottom(self, at=0.5):
        return self.x + self.w * at, self.y + self.h

    def contains(self, other):
        return (self.x <= other.x and self.y <= other.y and self.x + self.w >= other.x + other.w and
                self.y + self.h >= other.y + other.h)

    def meets(self, other):
        return (self.x < other.x + other.w and other.x < self.x + self.w and
                self.y < other.y + other.h and other.y < self.y + self.h)

    def is_crossed(self, one, other):
        """Return whether the horizontal or vertical line between two points touches the area."""
        (x1, y1), (x2, y2) = sorted((one, other))
        low, high = sorted((y1, y2))
        return x1 < self.x + self.w and self.x < x2 + 0.01 and low < self.y + self.h and self.y < high + 0.01


class Figure:
    """A figure. title: text for screen readers; sources: files that must contain the names shown as code."""

    def __init__(self, title, width, height, sources=()):
        self.title, self.width, self.height, self.sources = title, width, height, sources
        self.areas, self.words, self.lines, self.names = [], [], [], set()
        self.under, self.over = [], []

    # ---- elements ----

    def band(self, x, y, w, h, label="", kind="band"):
        """Draw a background area, on which other elements are placed."""
        return self.box(x, y, w, h, [label] if label else [], kind, align="start", top=True)

    def box(self, x, y, w, h, lines, kind="plain", align="middle", top=False):
        """Draw a box. In lines, a leading * means bold, and `code` is set in a fixed-width font."""
        area = Area(x, y, w, h, lines[0] if lines else "box")
        for other in self.areas:
            if area.meets(other) and not other.contains(area):
                raise DrawingError("'%s' overlaps '%s'" % (area.what, other.what))
        self.areas.append(area)
        self.under.append('<rect class="%s" x="%g" y="%g" width="%g" height="%g" rx="5"/>'
                          % (kind, x, y, w, h))
        if PAD + len(lines) * LINE > h + (0 if top else PAD):
            raise DrawingError("'%s': %d lines do not fit into the box" % (area.what, len(lines)))
        begin = y + PAD / 2 if top else y + (h - len(lines) * LINE) / 2
        for i, line in enumerate(lines):
            if width_of(line) > w - PAD:
                raise DrawingError("'%s' is %.0f pixels wide, but its box has room for %.0f" % (line, width_of(line), w - PAD))
            self.text(x + (w / 2 if align == "middle" else PAD), begin + i * LINE + 13, line, align)
        return area

    def text(self, x, y, line, align="start", faint=False):
        """Draw a line of text; y is its baseline."""
        width = width_of(line)
        left = {"start": x, "middle": x - width / 2, "end": x - width}[align]
        word = Area(left, y - 11, width, 14, line)
        for other in self.words:
            if word.meets(other):
                raise DrawingError("'%s' overlaps '%s'" % (line, other.what))
        self.words.append(word)
        for code in " ".join(CODE.findall(line)).split():
            self.names.update([code] if FILE.match(code) else WORD.findall(code))
        css = " ".join(["bold"] * line.startswith("*") + ["faint"] * faint)
        spans = "".join('<tspan class="code">%s</tspan>' % escape(part) if i % 2 else escape(part)
                        for i, part in enumerate(CODE.split(line.lstrip("*"))))
        self.over.append('<text x="%g" y="%g" text-anchor="%s"%s xml:space="preserve">%s</text>'
                         % (x, y, align, ' class="%s"' % css if css else "", spans))

    def arrow(self, *points, label="", at=None, align="start", dashed=False):
        """Draw an arrow of horizontal and vertical segments. AT is the position of its label."""
        for one, other in zip(points, points[1:]):
            if abs(one[0] - other[0]) > 0.01 and abs(one[1] - other[1]) > 0.01:
                raise DrawingError("the arrow '%s' is neither horizontal nor vertical from %s to %s" % (label, one, other))
        self.lines.append((points, label))
        path = "M" + "L".join("%g %g" % point for point in points)
        self.over.append('<path class="arrow%s" d="%s"/>' % (" dashed" * dashed, path))
        self.head(points[-2], points[-1])
        if label:
            self.text(at[0], at[1], label, align)

    def head(self, before, tip):
        x, y = tip
        dx = (x > before[0]) - (x < before[0])
        dy = (y > before[1]) - (y < before[1])
        back = (x - 8 * dx, y - 8 * dy)
        self.over.append('<path class="head" d="M%g %gL%g %gL%g %gz"/>' % (
            x, y, back[0] + 4 * dy, back[1] + 4 * dx, back[0] - 4 * dy, back[1] - 4 * dx))

    # ---- checking and output ----

    def check(self, text_of):
        """Raise DrawingError if the figure has an error. text_of(path) returns the text of a source."""
        page = Area(0, 0, self.width, self.height, "the page")
        for thing in self.areas + self.words:
            if not page.contains(thing):
                raise DrawingError("'%s' extends beyond the page" % thing.what)
        for word in self.words:
            for area in self.areas:
                if word.meets(area) and not area.contains(word):
                    raise DrawingError("'%s' crosses the border of '%s'" % (word.what, area.what))
            for points, label in self.lines:
                if any(word.is_crossed(one, other) for one, other in zip(points, points[1:])):
                    raise DrawingError("the arrow '%s' crosses '%s'" % (label, word.what))
        text = "\n".join(text_of(path) for path in self.sources)
        for name in sorted(self.names):
            there = (("/" + path).endswith("/" + name) for path in self.sources) if FILE.match(name) \
                else [re.search(r"\b%s\b" % re.escape(name), text)]
            if not any(there):
                raise DrawingError("`%s` does not occur in any of %s" % (name, ", ".join(self.sources)))

    def svg(self):
        return "\n".join(
            ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img">'
             % (self.width, self.height, self.width, self.height),
             "<title>%s</title>" % escape(self.title), "<style>%s</style>" % style(),
             '<rect class="page" width="%g" height="%g" rx="8"/>' % (self.width, self.height)]
            + self.under + self.over + ["</svg>", ""])
