# SPDX-License-Identifier: MIT
"""Print the coverage of source files as a table (tests/fuzz/run --coverage).

Standard input is what llvm-cov export -summary-only writes. The arguments are the top of the tree, and
the names of the targets that were run, if these are not all.
"""
import json
import sys
from collections import defaultdict
from pathlib import Path

FOLDERS = ("src/kvm", "src/vmm", "src/host", "trace")


def main() -> None:
    top = Path(sys.argv[1]).resolve()
    reached: dict[str, float] = {}
    lines: dict[str, tuple[int, int]] = {}
    for file in json.load(sys.stdin)["data"][0]["files"]:
        path = Path(top, file["filename"]).resolve()
        if path.suffix == ".c" and path.is_relative_to(top):
            count = file["summary"]["lines"]
            name = str(path.relative_to(top))
            reached[name] = count["percent"]
            lines[name] = count["covered"], count["count"]
    folders: dict[str, list[str]] = defaultdict(list)
    outside: dict[str, list[str]] = defaultdict(list)
    for folder in FOLDERS:
        for source in sorted(Path(top, folder).rglob("*.c")):
            name = str(source.relative_to(top))
            where = folders if name in reached else outside
            where[str(source.parent.relative_to(top))].append(name)
    print("| folder | lines reached | percent, by file |")
    print("|---|---|---|")
    for folder, names in sorted(folders.items()):
        covered = sum(lines[name][0] for name in names)
        count = sum(lines[name][1] for name in names)
        each = ", ".join(f"`{Path(name).name}` {reached[name]:.0f}" for name in names)
        print(f"| `{folder}` | {covered} of {count} | {each} |")
    print()
    print("Not in %s:" % ", ".join(sys.argv[2:]) if sys.argv[2:] else "In no target:")
    print()
    for folder, names in sorted(outside.items()):
        print(f"- `{folder}`: " + ", ".join(f"`{Path(name).name}`" for name in names))


if __name__ == "__main__":
    main()
