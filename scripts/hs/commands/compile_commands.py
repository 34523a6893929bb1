# SPDX-License-Identifier: MIT
"""compile-commands - write compile_commands.json for clangd from make's commands.

`make compile_commands.json` calls this command, with the output of `make
--dry-run --always-make V=1 TARGET...` as standard input. Each C file has one
entry, its first compilation, so src/kvm appears as it is compiled for the
kernel and not for tests. Options that only gcc knows are omitted or replaced.
"""
import json
import os
import re
import shlex
import sys

from hs.parser import of_command
from hs.paths import TOP

COMPILER = re.compile(r"(?:(riscv64-[\w-]+?)-)?(?:gcc|clang)(?:-[0-9]+)?$")
WITH_VALUE = {"-o", "-include", "-isystem", "-iquote", "-I", "-D", "-U", "-MF", "-MT", "-x", "--param"}
# Options to omit. -march: the ISA string names extensions that clang 14 does not know and that C code does not need.
# -Werror: clang warns about more than gcc does, and these warnings should not become errors. CLANG_ONLY disables a
# warning that clang, unlike gcc, gives for `{ .member = 1 }`.
GCC_ONLY = re.compile(r"-march=|-mabi=|-msmall-data-limit=|-fno-tree-loop-distribute-patterns$|-Wa,|-Werror$")
CLANG_ONLY = ["-Wno-missing-field-initializers"]


def commands(lines):
    """Yield each compiler command as a list of words."""
    for line in re.sub(r"\\\n", " ", lines).splitlines():
        try:
            words = shlex.split(line)
        except ValueError:  # a line of a multi-line shell string
            continue
        if words and COMPILER.search(os.path.basename(words[0])):
            yield words


def split(words):
    """Return the options and the C sources of a command."""
    options, sources, rest = [], [], iter(words[1:])
    for word in rest:
        if word in WITH_VALUE:
            value = next(rest, "")
            if word not in ("-o", "-MF", "-MT", "--param"):
                options += [word, value]
        elif word.endswith(".c"):
            sources.append(os.path.join(TOP, word))
        elif word.startswith("-") and not GCC_ONLY.match(word) and not word.startswith(("-l", "-Wl,", "-M")):
            options.append(word)
    return options, sources


def entries(lines):
    found = {}
    for words in commands(lines):
        cross = COMPILER.search(os.path.basename(words[0])).group(1)
        target = ["--target=riscv64-linux-gnu", "-march=rv64gc"] if cross else []
        options, sources = split(words)
        for source in sources:
            if source not in found and os.path.exists(source):
                found[source] = {"directory": TOP, "file": source,
                                 "arguments": [words[0]] + target + options + CLANG_ONLY + ["-c", source]}
    return [found[source] for source in sorted(found)]


def main(argv):
    parser = of_command("compile-commands", __doc__, epilog="exit status: 0; 1 no compilation found, or FILE cannot be "
                        "written; 2 usage error")
    parser.add_argument("file", metavar="FILE", help="the file to write")
    path = parser.parse_args(argv).file
    found = entries(sys.stdin.read())
    if not found:
        sys.stderr.write("compile-commands: no compilation in make's output: check what make printed\n")
        return 1
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
            file.write("\n")
    except OSError as error:
        sys.stderr.write("compile-commands: cannot write %s: %s\n" % (path, error.strerror))
        return 1
    return 0
