# SPDX-License-Identifier: MIT
"""code.py - find places for statements in the C sources, and write calls and includes there."""
import os
import re

from .tree import refuse

COLUMNS = 100
TAB = 8


def place(tree, text, folders):
    """Parse FILE:/REGEX/ or FILE:LINE. Return (file, index of the line that it names)."""
    found = re.fullmatch(r"([\w./-]+):(?:/(.+)/|([0-9]+))", text)
    if not found:
        refuse("--at '%s': not of the form FILE:/REGEX/ or FILE:LINE" % text)
    path, pattern, number = found.groups()
    path = os.path.normpath(path)
    if not path.startswith(folders) or not path.endswith(".c"):
        refuse("--at '%s': not a .c file of %s" % (text, " or ".join(name.rstrip("/") for name in folders)))
    if not os.path.isfile(os.path.join(tree.top, path)):
        refuse("--at '%s': there is no %s" % (text, path))
    lines = tree.lines(path)
    if number:
        if not 1 <= int(number) <= len(lines):
            refuse("--at '%s': %s has %d lines" % (text, path, len(lines)))
        return path, int(number) - 1
    try:
        matches = [i for i, line in enumerate(lines) if re.search(pattern.replace("\\/", "/"), line)]
    except re.error as error:
        refuse("--at '%s': %s" % (text, error))
    if len(matches) != 1:
        refuse("--at '%s': %s line of %s matches%s" % (
            text, "no" if not matches else "more than one", path,
            "" if not matches else ": " + ", ".join(str(i + 1) for i in matches[:4])))
    return path, matches[0]


def bare(line):
    return re.sub(r"\s*(/\*.*?\*/|//.*)\s*$", "", line).rstrip()


def ends(line):
    """Return whether a statement can begin on the next line: this line ends a statement or label, begins or ends a
    block, or contains no code."""
    return not line or line.endswith((";", "{", "}", ":")) or line.lstrip().startswith(("/*", "*", "#"))


def is_declaration(line):
    return re.match(r"\t(?!return|goto|else|case)(const |static |struct |enum |unsigned |volatile )*\w+ \**\w+( =|;|\[|,)",
                    line) is not None


def behind(lines, index, what):
    """Return the index and the indentation of a statement to insert after this line. Refuse if it would be misplaced
    or unreachable.

    If the line is a function's opening brace or one of its declarations, the statement follows the last declaration.
    """
    line, start = bare(lines[index]), index

    def no(why):
        refuse("%s: no statement can be inserted after line %d: %s" % (what, index + 1, why))

    top = next((bare(lines[i]) for i in range(index, -1, -1) if re.match(r"[^\s#/*]", lines[i])
                and not re.match(r"\w+:$", lines[i])), "")
    if top != "{" or (line == "}" and lines[index].startswith("}")):
        no("it is not inside a function")
    if not line.endswith((";", "{", "}")):
        no("no statement ends there")
    if lines[index] == "{" or is_declaration(lines[index]):
        after = index + 1
        while is_declaration(lines[after]) or not ends(bare(lines[after - 1])):
            after += 1
        return after + (not lines[after]), "\t"
    while start and not ends(bare(lines[start - 1])):
        start -= 1
    first = bare(lines[start])
    word = re.match(r"\s*(\w*)", first).group(1)
    if line.endswith("{"):
        if word == "switch" or line.endswith("= {"):
            no("it begins a switch, or a table")
        return index + 1, re.match(r"\t*", first).group() + "\t"
    if word in ("if", "for", "while", "else") and not line.endswith("}"):
        no("it is the body of '%s' without braces" % word)
    if word in ("return", "goto", "break", "continue"):
        no("code after '%s' is not reached" % word)
    return index + 1, re.match(r"\t*", first).group()


def width(text):
    return len(text.expandtabs(TAB))


def call(indent, function, arguments):
    """Return a call as clang-format writes it, with aligned arguments."""
    head = "%s%s(" % (indent, function)
    column = width(head)
    pad = "\t" * (column // TAB) + " " * (column % TAB)
    lines = [head + arguments[0]]
    for argument in arguments[1:]:
        if width(lines[-1]) + len(", ;)") + len(argument) > COLUMNS:
            lines[-1] += ","
            lines.append(pad + argument)
        else:
            lines[-1] += ", " + argument
    lines[-1] += ");"
    if any(width(line) > COLUMNS for line in lines):
        refuse("the call to %s does not fit into %d columns: use shorter expressions" % (function, COLUMNS))
    return "\n".join(lines)


def includes(tree, path, header, seen=None):
    """Return whether a source includes a header, directly or indirectly."""
    seen = set() if seen is None else seen
    for name in re.findall(r'^#\s*include\s+"([^"]+)"', tree.read(path), re.M):
        if name == header:
            return True
        for folder in (os.path.dirname(path), "src/include", "src/kvm", "src/host"):
            there = os.path.join(folder, name)
            if there not in seen and os.path.isfile(os.path.join(tree.top, there)):
                seen.add(there)
                if includes(tree, there, header, seen):
                    return True
                break
    return False


def include(tree, path, header):
    """Include a header in the source, before the other quoted includes, unless the source already includes it."""
    if not includes(tree, path, header):
        first = next((i for i, line in enumerate(tree.lines(path)) if line.startswith('#include "')),
                     None)
        if first is None:
            refuse("%s has no line #include \"...\" before which to include %s" % (path, header))
        tree.insert(path, first, '#include "%s"' % header)
