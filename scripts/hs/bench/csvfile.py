# SPDX-License-Identifier: MIT
"""csvfile.py - a CSV's lines, or what is wrong with it and where: whoever reads figures has them whole."""
import csv
import math
import os


def read(path, columns, numbers=(), more=False):
    """Dictionaries. A ValueError says what is wrong: other columns (more: than at least these), a line that is
    not whole, one of numbers that is none."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            names, lines = tuple(reader.fieldnames or ()), []
            lacks = [name for name in columns if name not in names]
            if more and lacks:
                raise ValueError("its first line has no %s" % lacks[0])
            if not more and names != tuple(columns):
                raise ValueError("its first line is not %s" % ",".join(columns))
            for line in reader:
                where = "line %d: " % reader.line_num
                if None in line or None in line.values():
                    raise ValueError(where + "it has not %d fields" % len(names))
                for name in numbers:
                    number(line[name], where + name)
                lines.append(line)
    except UnicodeDecodeError:
        raise ValueError("it is no text in UTF-8") from None
    except csv.Error as error:
        raise ValueError("line %d: %s" % (reader.line_num, error)) from None
    return lines


def write(path, columns, lines):
    """All of it, or the file as it was. A line that lacks a column has nothing there."""
    beside = "%s.%d.new" % (path, os.getpid())
    with open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(lines)
    os.replace(beside, path)


def number(text, what):
    """Finite: what is to be compared."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError("%s '%s' is no number" % (what, text[:40]))
    return found


def once(found, names):
    """No two lines of the same names: the one that counts would be any."""
    seen = set()
    for line in found:
        key = tuple(line[name] for name in names)
        if key in seen:
            raise ValueError("two lines are of %s" % " ".join(key))
        seen.add(key)
