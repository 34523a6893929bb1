# SPDX-License-Identifier: MIT
"""svg.py - draw a flame graph as one self-contained SVG.

A frame's width is its share of the total. A frame is drawn above its caller, or below it in an icicle graph. The
picture can be viewed and printed as it is; in a browser, flame.js adds zoom and search. Names come from
untrusted stacks and are only used as text.
"""
import os
import unicodedata
import zlib

WIDTH = 1200
MARGIN = 10
HEAD = 104  # height of title, totals, legend and the description of the frame under the pointer
ROW = 18
FONT = 12
ADVANCE = 0.602 * FONT  # width of a character in a monospace font
LONGEST_NAME = 400  # maximum length of a name in a frame's title
SHADES = 3  # shades of each color, so that neighboring frames differ
# The worlds of hyperscope's own profiles always have the same colors.
WORLDS = {"firmware": 0, "host kernel": 1, "host user": 2, "guest kernel": 3, "guest user": 4}
# After Okabe and Ito: color-blind readers can distinguish these colors. They are mixed with white or black below.
COLORS = ((0x80, 0x80, 0x80), (0x56, 0xb4, 0xe9), (0xe6, 0x9f, 0x00), (0x00, 0x9e, 0x73),
          (0xcc, 0x79, 0xa7), (0xd5, 0x5e, 0x00), (0x00, 0x72, 0xb2))
HERE = os.path.dirname(os.path.realpath(__file__))


def clean(text):
    """Replace characters that XML does not allow or that would change the direction of the text."""
    return "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")
                   or ord(char) in (0xfffe, 0xffff) else char for char in text)


def escape(text):
    return (clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            .replace('"', "&quot;"))


def columns(char):
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shortened(text, width):
    """Return the text, cut off with an ellipsis if it exceeds WIDTH pixels; "" if WIDTH is too small for that."""
    room = int((width - 6) / ADVANCE)
    if sum(map(columns, text)) <= room:
        return text
    if room < 3:
        return ""
    kept, used = [], 1
    for char in text:
        used += columns(char)
        if used > room:
            break
        kept.append(char)
    return "".join(kept) + "\u2026"


def _mixed(color, other, part):
    return "#%02x%02x%02x" % tuple(round(a * (1 - part) + other * part) for a in color)


def _fills(other, first, step):
    return "\n".join(".c%d.s%d rect { fill: %s }" % (c, shade, _mixed(color, other, first + step * shade))
                     for c, color in enumerate(COLORS) for shade in range(SHADES))


def style():
    with open(os.path.join(HERE, "flame.css"), encoding="utf-8") as css:
        text = css.read()
    # Dark text on tints, light text on shades: tests/scripts/flame_check.py checks a contrast of at least 4.5 to 1.
    return text.replace("/* LIGHT */", _fills(255, 0.45, 0.12)).replace("/* DARK */", _fills(0, 0.56, 0.07))


class Picture:
    """A flame graph. unit: unit of the counts; least: width in pixels of the narrowest frame that is drawn."""

    def __init__(self, root, title, unit, note="", icicle=False, least=0.1):
        self.root = root
        self.title, self.unit, self.note = title, clean(unit), note
        self.icicle, self.least = icicle, least
        self.left_out = 0
        self.roots = self._colors()
        self.frames = self._frames()  # (name, color, first, count, own, depth)
        self.depth = max(frame[5] for frame in self.frames)
        self.height = HEAD + (self.depth + 1) * ROW + MARGIN

    def _colors(self):
        free = [c for c in range(1, len(COLORS)) if c not in
                {WORLDS[name] for name in self.root.children if name in WORLDS}] or [0]
        found, others = {}, 0
        for name in sorted(self.root.children):
            if name in WORLDS:
                found[name] = WORLDS[name]
            else:
                found[name] = free[others % len(free)]
                others += 1
        return found

    def _frames(self):
        """Return all frames that are wide enough, each caller before the frames that it called."""
        scale = (WIDTH - 2 * MARGIN) / self.root.total
        frames, todo = [], [(self.root, 0, 0, 0)]
        while todo:
            node, first, depth, color = todo.pop()
            if node.total * scale < self.least and node is not self.root:
                self.left_out += 1  # the frames that it called are not wider: they are left out, too
            else:
                frames.append((node.name, color, first, node.total, node.own, depth))
            at, below = first, []
            for name in sorted(node.children):
                child = node.children[name]
                below.append((child, at, depth + 1, self.roots[name] if depth == 0 else color))
                at += child.total
            todo += reversed(below)
        return frames

    def _frame(self, name, color, first, count, own, depth):
        scale = (WIDTH - 2 * MARGIN) / self.root.total
        x, width = MARGIN + first * scale, count * scale
        y = HEAD + (depth if self.icicle else self.depth - depth) * ROW
        words = "%s %s (%.2f %%)" % (format(count, ",d"), self.unit, 100 * count / self.root.total)
        if own and own != count:
            words += ", %s of them in the frame itself" % format(own, ",d")
        shade = zlib.crc32(name.encode("utf-8", "replace")) % SHADES
        text = shortened(clean(name), width)
        return ('<g class="f c%d s%d" data-s="%d" data-n="%d" data-d="%d"><title>%s\n%s</title>'
                '<rect x="%.2f" y="%d" width="%.2f" height="%d"/><text x="%.2f" y="%d">%s</text></g>'
                % (color, shade, first, count, depth, escape(name[:LONGEST_NAME]), escape(words),
                   x, y, width, ROW - 1, x + 3, y + ROW - 5, escape(text)))

    def _legend(self):
        parts, x = [], MARGIN
        for name, color in sorted(self.roots.items(), key=lambda item: (item[1], item[0])):
            label = shortened(clean(name), 200)
            width = 22 + sum(map(columns, label)) * ADVANCE + 18
            if x + width > WIDTH - MARGIN:
                break
            parts.append('<g class="c%d s0 key"><rect x="%d" y="54" width="14" height="14"/>'
                         '<text x="%d" y="66">%s</text></g>' % (color, x, x + 20, escape(label)))
            x += width
        return parts

    def text(self):
        with open(os.path.join(HERE, "flame.js"), encoding="utf-8") as script:
            code = script.read()
        summary = "%s %s" % (format(self.root.total, ",d"), self.unit)
        if self.note:
            summary += "; " + self.note
        if self.left_out:
            summary += "; frames too narrow to be drawn: %s" % format(self.left_out, ",d")
        head = ['<?xml version="1.0" encoding="UTF-8"?>',
                '<svg xmlns="http://www.w3.org/2000/svg" class="flame" width="%d" height="%d" '
                'viewBox="0 0 %d %d" data-total="%d" data-depth="%d" data-icicle="%d" role="group" '
                'aria-label="%s">' % (WIDTH, self.height, WIDTH, self.height, self.root.total,
                                      self.depth, self.icicle, escape("flame graph: " + self.title)),
                "<style><![CDATA[\n%s]]></style>" % style(),
                '<rect class="paper" width="100%" height="100%"/>',
                '<text class="title" x="%d" y="24">%s</text>' % (MARGIN, escape(shortened(self.title, 780))),
                '<text class="muted" x="%d" y="44">%s</text>' % (MARGIN, escape(shortened(summary, WIDTH - 20)))]
        foot = ['<text class="readout" x="%d" y="92" role="status" aria-live="polite"></text>' % MARGIN,
                "<script><![CDATA[\n%s]]></script>" % code, "</svg>", ""]
        return "\n".join(head + self._legend() + ['<g class="frames">'] +
                         [self._frame(*frame) for frame in self.frames] + ["</g>"] + foot)
