#!/bin/bash
# SPDX-License-Identifier: MIT
#
# markers.t - the markers that the VMM writes into the trace (src/vmm/marker.c) match what the guest
# did: each MMIO access, with the device that answered it, and each disk request. While the event
# `print` is off, markers cost no system calls. The test also covers two options whose effect the
# trace shows: --no-ioeventfd and --pin.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
hstrace=$O/hstrace
trace=$tmp/runs/last/trace
payloads=$O/guest-payloads

# Print the text of each marker, from one record or several. The records of one marker are
# consecutive on their hart; records of another hart may be in between.
markers()
{
	"$hstrace" export --to json --events print "$trace" | python3 -c '
import json, sys
text = []
begun = {}
for line in sys.stdin:
    event = json.loads(line)
    fields = event["fields"]
    if int(fields["part"]) == 0:
        begun[event["hart"]] = len(text)
        text.append("")
    text[begun[event["hart"]]] += "".join(fields[name] for name in ("buf", "buf8", "buf16", "buf24"))
print("\n".join(text))'
}

head -c 1M /dev/zero >"$tmp/disk"
hs run --memory 64M --vcpus 1 --disk "$tmp/disk" --trace 'print,kvm_mmio' --boot trace.size=16M "$payloads/vmm_disk.bin"
is "$status" 0 "a guest with a disk runs" || diag "$err"
markers >"$tmp/markers"

# List the MMIO accesses that the VMM handled, in order, as "read|write address bytes value": once
# from the kvm_mmio events, and once from the markers.
"$hstrace" report --columns event,fields --filter 'kvm_mmio: kernel == 0' "$trace" | grep -v '^#' |
	sed 's/.*type=\([a-z]*\) len=\([0-9]\) gpa=\(0x[0-9a-f]*\) val=\(0x[0-9a-f]*\) .*/\1 \3 \2 \4/' >"$tmp/mmio"
python3 - "$HS_TOP/src/vmm/platform.h" "$tmp/markers" >"$tmp/answered" <<'E2'
import re
import sys
names = {"nobody": 0, "disk0": 0x10001000}
for name, base in re.findall(r"^#define (\w+)_BASE *(0x[0-9a-f]+)ul$", open(sys.argv[1]).read(), re.M):
    names[name.lower()] = int(base, 16)
for line in open(sys.argv[2]):
    found = re.match(r"(\w+)\+(0x[0-9a-f]+) (read|write) (\d) (0x[0-9a-f]+)$", line)
    if found:
        name, offset, way, size, value = found.groups()
        print(way, "0x%x" % (names[name] + int(offset, 16)), size, value)
E2
[ "$(wc -l <"$tmp/mmio")" -gt 100 ]
ok $? "the guest makes more than 100 MMIO accesses" || diag "$(head -n 3 "$tmp/mmio")"
is "$(cmp "$tmp/mmio" "$tmp/answered" 2>&1)" "" "each MMIO access has a marker with its device, offset, size and value" ||
	diag "$(diff "$tmp/mmio" "$tmp/answered" | head -n 5)"
like "$(head -n 1 "$tmp/markers")" '^boot 0x80200000 dtb 0x8[0-9a-f]*$' "the first marker says where the guest begins"
is "$(tail -n 1 "$tmp/markers")" "stop 1 status 0" "the last marker says how the guest ended"
requests=$(grep -c '^disk0 begin ' "$tmp/markers")
[ "$requests" -gt 10 ]
ok $? "there are markers of disk requests" || diag "$(grep disk0 "$tmp/markers" | head)"
is "$(grep -E '^disk0 (begin|end)' "$tmp/markers" | awk 'NR % 2 != ($2 == "begin")' | wc -l)" 0 "disk requests begin and end one at a time"
for what in 'begin write 0x[0-9a-f]+ [1-9][0-9]*' 'begin read 0x[0-9a-f]+ [1-9][0-9]*' 'begin flush 0x0 0' 'end 0' 'end 1' 'end 2'; do
	[ "$(grep -cxE "disk0 $what" "$tmp/markers")" -gt 0 ]
	ok $? "there is a marker of the disk: $what"
done

hs exec --quiet --trace print --file "$payloads/exits.bin" "$O/vmm" --markers --quiet --vcpus 2 --memory 64M /exits.bin
like "$(markers | grep nobody | head)" '^nobody\+0x[0-9a-f]+ (read|write) [1248] 0x' \
	"an access that no device answers has a marker, too"

# ---- off ----
calls()	# VMM-ARGS...: print the number of system calls of a run of the VMM
{
	hs exec --quiet --icount --trace sys_enter --boot trace.size=16M --file "$payloads/mmio.bin" "$O/vmm" --quiet \
		--memory 64M --testdev "$@" /mmio.bin
	[ "$status" = 0 ] || diag "$err"
	"$hstrace" report --columns event,fields "$trace" | grep -c 'sys_enter: '
}
without=$(calls)
off=$(calls --markers)
diag "$without system calls without --markers, $off with it while the event is off"
[ "$without" -gt 300 ] && [ "$off" -ge "$without" ] && [ $((off - without)) -le 6 ]
ok $? "while the event is off, a marker does not make a system call"
hs exec --quiet --trace kvm_exit --file "$payloads/hello.bin" "$O/vmm" --markers --memory 64M /hello.bin
like "$err" 'vmm: --markers: the event print is off' "the VMM warns that the event print is off"
hs run --memory 64M --trace 'all,!print' "$payloads/hello.bin"
is "$status:$(grep -c 'the event print is off' <<<"$out$err")" 0:0 "hyperscope run does not make markers if print is not among the events"

# ---- without ioeventfds ----
notified()	# KERNEL: count the stores to the disk's QueueNotify that the core (1) or the VMM (0) handled
{
	"$hstrace" report --columns event,fields --filter "kvm_mmio: gpa == 0x10001050 && len == 4 && val == 0 && kernel == $1" "$trace" 2>/dev/null |
		grep -c type=write
}
for option in '' --no-ioeventfd; do
	hs run --memory 64M --vcpus 1 --disk "$tmp/disk" --trace 'kvm_mmio' --boot trace.size=16M $option "$payloads/vmm_disk.bin"
	is "$status:$(notified 1 | sed 's/^[1-9].*/some/'):$(notified 0 | sed 's/^[1-9].*/some/')" \
		"0:$([ "$option" ] && echo 0:some || echo some:0)" \
		"a disk is notified by $([ "$option" ] && echo an exit to the VMM || echo an ioeventfd) (${option:-by default})" || diag "$err"
done

# ---- vCPUs pinned to harts ----
hs run --memory 64M --harts 2 --vcpus 3 --pin --trace kvm_entry --boot trace.size=16M "$payloads/sbi_harts.bin"
is "$status:$("$hstrace" report --columns hart,vcpu --events kvm_entry "$trace" | awk '/^ *[0-9]/ { print $1 "/" $2 }' | sort -u | tr '\n' ' ')" \
	"0:0/1.0 0/1.2 1/1.1 " "--pin assigns vCPUs to harts in order, and begins again with the first hart" || diag "$err"
done_testing
