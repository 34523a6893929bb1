#!/bin/bash
# SPDX-License-Identifier: MIT
#
# cpio.t - the archives that scripts/hs/run/cpio.py writes: cpio(1) reads them, and with PAGES, the data of each file of a
# page or more begins at a multiple of 4096.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
command -v cpio >/dev/null || skip_all "cpio is missing"

mkdir "$tmp/unpacked" "$tmp/files"
for size in {1..60}; do
	head -c $((size * 1000)) /dev/zero | tr '\0' "\\$(printf %o $((size + 64)))" >"$tmp/files/$size"
done
out=$(cd "$HS_TOP/scripts" && python3 - "$tmp" <<'END_OF_PYTHON'
import os
import sys
from hs.run.cpio import Archive

top = sys.argv[1]
with open(top + "/archive", "wb") as file:
    archive = Archive(file, pages=True)
    for name in sorted(os.listdir(top + "/files")):
        archive.add_file("in/a/" + "/".join([name * 100] * (int(name) // 10 + 1)), os.path.join(top, "files", name))
    archive.add_file("in/" + "/".join(["x" * 200] * 12), top + "/files/60")
    archive.close()
data = open(top + "/archive", "rb").read()
at = aligned = small = 0
while True:
    size, length = int(data[at + 54:at + 62], 16), int(data[at + 94:at + 102], 16)
    start = (at + 110 + length + 3) & ~3
    if data[at + 110:].startswith(b"TRAILER!!!"):
        break
    if length > 4096:
        print("a name of %d bytes" % length)
    if size >= 4096:
        aligned += start % 4096 == 0
    small += 0 < size < 4096 and start % 8 == 0
    at = (start + size + 3) & ~3
print(aligned, small, len(data) % 512)
END_OF_PYTHON
)
is "$out" "56 4 0" "files of a page or more begin at multiples of 4096 unless their name is too long, and small ones at multiples of 8"
(cd "$tmp/unpacked" && cpio -i -d --quiet --no-absolute-filenames <"$tmp/archive")
is $? 0 "cpio unpacks the archive"
is "$(find "$tmp/unpacked" -type f | wc -l)" 61 "... with all files"
is "$(cd "$tmp/unpacked" && find . -type f -exec cksum {} + | cut -d ' ' -f 1,2 | sort -u)" \
	"$(cksum "$tmp"/files/* | cut -d ' ' -f 1,2 | sort -u)" "... and their contents"
done_testing
