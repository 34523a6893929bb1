# SPDX-License-Identifier: MIT
"""table.py - print the results of a measurement: a row for each result, a column for each system."""
from typing import NamedTuple

WIDTH = 80
MOST_NAME = 36     # characters shown of a result's name,
MOST_UNIT = 20     # of its unit,
MOST_VALUE = 20    # and of its value; with these, a column fits in a line
LEAST = 9          # width of a column of figures
RATIO = "ratio"
OURS, THEIRS = "hyperscope", "Linux KVM"


class Row(NamedTuple):
    name: str
    unit: str
    values: dict  # column's title -> value, as text


def rows_of(results):
    """Return the rows for {title: [(name, value, unit), ...]}. If a job prints a name again with the same unit, the
    second result is the row "NAME #2", and so on."""
    found = {}
    for title, lines in results.items():
        seen = {}
        for name, value, unit in lines:
            count = seen[name, unit] = seen.get((name, unit), 0) + 1
            row = found.setdefault((name, unit, count), Row(name if count == 1 else "%s #%d" % (name, count), unit, {}))
            row.values[title] = value
    return list(found.values())


def shortened(name, most):
    """Return at most MOST characters of a name. The middle is omitted, because similar names differ at the end."""
    half = (most - 3) // 2
    return name if len(name) <= most else name[:most - 3 - half] + "..." + name[-half:]


def rounded(value):
    """Return a value as it was printed, or, if it is too long for the table, with 12 digits."""
    return value if len(value) <= MOST_VALUE else "%.12g" % float(value)


def ratio(row):
    """Return hyperscope's figure divided by Linux KVM's, as text, or "-"."""
    if OURS not in row.values or THEIRS not in row.values or not float(row.values[THEIRS]):
        return "-"
    return "%.2f" % (float(row.values[OURS]) / float(row.values[THEIRS]))


def heading(title):
    """Return the lines of a column's heading: a toggle's name and value, or one line."""
    words = title.split() if "=" in title else [title]
    if len(words) == 1 and "=" in title:
        name, _, value = title.partition("=")
        return [name, "=" + value]
    return words


def parts(widths, first):
    """Divide columns with these widths into groups that fit beside the first FIRST characters of a line."""
    group, used = [], first
    for number, width in enumerate(widths):
        if group and used + width > WIDTH:
            yield group
            group, used = [], first
        group.append(number)
        used += width
    yield group


def lines_of(results):
    """Return the table's lines."""
    rows, titles = rows_of(results), list(results)
    cells = [(title, [rounded(row.values.get(title, "-")) for row in rows]) for title in titles]
    if OURS in titles and THEIRS in titles:
        cells.insert(titles.index(THEIRS) + 1, (RATIO, [ratio(row) for row in rows]))
    columns = [(heading(title), values) for title, values in cells]
    widths = [2 + max(map(len, [" " * (LEAST - 2)] + head + values)) for head, values in columns]
    names = ["result"] + [shortened(row.name, MOST_NAME) for row in rows]
    units = ["unit"] + [shortened(row.unit, MOST_UNIT) for row in rows]
    name_width, unit_width = max(map(len, names)), max(map(len, units))
    left = ["%-*s  %-*s" % (name_width, name, unit_width, unit) for name, unit in zip(names, units)]
    lines = []
    for group in parts(widths, len(left[0])):
        lines += [""] if lines else []
        high = max(len(columns[number][0]) for number in group)
        for level in range(high):
            lines.append((left[0] if level == high - 1 else " " * len(left[0])) + "".join(
                "%*s" % (widths[n], ([""] * (high - len(columns[n][0])) + columns[n][0])[level]) for n in group))
        for place in range(len(rows)):
            lines.append(left[place + 1] + "".join("%*s" % (widths[n], columns[n][1][place]) for n in group))
    return [line.rstrip() for line in lines]
