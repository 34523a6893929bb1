# SPDX-License-Identifier: MIT
"""csvfile.py - read and write CSV files, with errors that name the line and the fault."""
import csv
import math

from hs import output


def read(path, columns, numbers=(), more=False):
    """Return the lines as dictionaries. Raise ValueError if the columns are not exactly COLUMNS (with MORE, if one of
    COLUMNS is missing) or one occurs twice, a line has too few or too many fields, a field of NUMBERS is not a finite
    number, or the file is not CSV in UTF-8."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:  # spreadsheets write a byte order mark
            reader = csv.DictReader(file, strict=True)
            names, lines = tuple(reader.fieldnames or ()), []
            lacks = [name for name in columns if name not in names]
            if more and lacks:
                raise ValueError("the first line has no column '%s'" % lacks[0])
            if not more and names != tuple(columns):
                raise ValueError("the first line is not '%s'" % ",".join(columns))
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise ValueError("the first line has the column '%s' more than once" % twice[0])
            for line in reader:
                where = "line %d: " % reader.line_num
                if None in line or None in line.values():
                    raise ValueError(where + "expected %d fields" % len(names))
                for name in numbers:
                    number(line[name], where + name)
                lines.append(line)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None
    except csv.Error as error:
        raise ValueError("line %d: %s" % (reader.line_num, error)) from None
    return lines


def write(path, columns, lines):
    """Write the file; if that fails, a regular file is unchanged. Missing columns of a line are left empty."""
    with output.create(path) as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(lines)


def number(text, what):
    """Return TEXT as a finite number. Raise ValueError if TEXT is not a finite number."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError("%s %s is not a number" % (what, ascii(text[:40])))
    return found


def once(found, names):
    """Raise ValueError if two lines have equal values in the columns NAMES: which one counts would be arbitrary."""
    seen = set()
    for line in found:
        key = tuple(line[name] for name in names)
        if key in seen:
            raise ValueError("more than one line for %s" % " ".join(key))
        seen.add(key)
