# SPDX-License-Identifier: MIT
#
# change.sh - functions for damaged.t: change the file of a saved machine (format: src/vmm/state.h),
# and claim that the changed file is refused
#
#   change byte|swap|number       change $tmp/saved: flip one bit of a page; exchange the contents
#                                 of two pages; or set a page's number to one beyond the end of RAM,
#                                 and correct the section's checksum. The addresses of the pages
#                                 whose contents change are written to $tmp/saved.pages, as a regex
#   refused "CHANGE" NAME REGEX   claim, as NAME, that a machine saved and then changed by CHANGE is
#                                 not restored: status 101, and a message that matches REGEX, in
#                                 which PAGE stands for the address of a page whose contents changed

change()
{
	python3 - "$tmp/saved" "$1" <<'PYTHON'
import struct
import sys

SECTION = struct.Struct("<8sIIQQ")
PAGE, RAM_BASE, MASK = 4096, 0x80000000, (1 << 64) - 1


def sum_of(data, total=0):
    """Return what src/vmm/state.c:/^u64 state_sum/ returns."""
    for (word,) in struct.iter_unpack("<Q", data):
        total = (total ^ word) * 0x9e3779b97f4a7c15 & MASK
        total ^= total >> 32
    return total


def page_at(place):
    return PAGE + place * PAGE


def note_addresses(entries):
    with open(sys.argv[1] + ".pages", "w") as pages:
        print("(%s)" % "|".join("0x0*%x" % (RAM_BASE + number * PAGE) for number, _ in entries), file=pages)


with open(sys.argv[1], "r+b") as file:
    whole = bytearray(file.read())
    if whole[:8] != b"HSVMSAVE":
        sys.exit("nothing was saved")
    nr, at = struct.unpack_from("<QQ", whole, 24)
    entries = list(struct.iter_unpack("<QQ", whole[at + SECTION.size:at + SECTION.size + 16 * nr]))
    # Find a page whose neighbors in the file are also its neighbors in RAM, so that all three are
    # read at once, and whose contents differ from the next page's.
    middle = next(i for i in range(1, nr - 1) if entries[i - 1][0] + 2 == entries[i][0] + 1 == entries[i + 1][0] and
                  entries[i][1] != entries[i + 1][1])
    if sys.argv[2] == "byte":
        whole[page_at(middle) + 100] ^= 0x10
        note_addresses(entries[middle:middle + 1])
    elif sys.argv[2] == "swap":
        first, second = page_at(middle), page_at(middle + 1)
        whole[first:first + PAGE], whole[second:second + PAGE] = (
            whole[second:second + PAGE], whole[first:first + PAGE])
        note_addresses(entries[middle:middle + 2])
    else:
        name, index, zero, length, _ = SECTION.unpack_from(whole, at)
        begin = at + SECTION.size
        struct.pack_into("<Q", whole, begin, 32 * 256)
        head = struct.pack("<8sIIQ", name, index, zero, length)
        struct.pack_into("<Q", whole, at + SECTION.size - 8,
                         sum_of(bytes(whole[begin:begin + length]), sum_of(head)))
    file.seek(0)
    file.write(whole)
PYTHON
	changed=$?
}

refused()
{
	local said regex=$3
	between "$1"
	asked save_dirty rounds=2000
	said=$(grep 'vmm: ' <<<"$err" | tail -n 1)
	[[ $regex != *PAGE* ]] || regex=${regex//PAGE/$(<"$tmp/saved.pages")}
	[ "$changed" = 0 ] && [ "$status" = 101 ] && grep -qE -- "$regex" <<<"$said" && [ -z "$claims" ]
	ok $? "$2" || { diag "status $status, message: $said"; last_words; }
}
