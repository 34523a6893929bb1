#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux.t - Debian's kernel as the guest, as in `make run`: the tour, 1 and 4 vCPUs, a panic, and a
# disk that keeps synced data when the launcher is killed.
# Time-out: 300 seconds.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
HS_SECONDS=120
[ -f "$O/guest-initrd.cpio" ] || skip_all "there is no guest kernel: set-up could not fetch it"
quiet=(--append "console=ttyS0 quiet")

# ---- the tour, on one vCPU of one hart ----
hs run --vcpus 1 --harts 1 "${quiet[@]}"
is "$status" 0 "the tour ends with status 0" || diag "$out" "$err"
like "$out" "^Linux guest .* riscv64 GNU/Linux" "the tour shows uname -a"
like "$out" "^isa.*: rv64imafdc" "the tour shows /proc/cpuinfo"
want=$(for n in $(seq 0 4095); do printf '%-511s\n' "hyperscope scratch disk, sector $n"; done | md5sum | cut -d' ' -f1)
like "$out" "^4096 sectors, md5 $want" "the tour reads the disk"
like "$out" "^100 processes" "the tour starts 100 processes"
like "$out" "^exits: [0-9]+; cost in microseconds" "the table of exits states the unit of cost"
like "$out" "^fault on RAM" "the table of exits has a row for faults on RAM"
trace=$(sed -n 's/^trace: //p' <<<"$out")
[ -s "$trace" ]
ok $? "the trace was saved at the path that the run prints"
like "$err" "^host: 1 harts" "the host's boot lines are shown"
unlike "$out$err" "which is not there" "the VMM requests nothing that the host lacks"

# ---- more vCPUs than harts, a command's status, and an APLIC with direct delivery ----
hs run --vcpus 4 --harts 2 --irqchip aia_direct "${quiet[@]}" --command 'nproc; for i in 1 2 3 4; do
	(n=0; while [ $n -lt 500 ]; do n=$((n + 1)); done; echo "loop $i") & done; wait
irq=$(sed -n "s/^ *\([0-9]*\):.*virtio0/\1/p" /proc/interrupts); echo 4 >/proc/irq/$irq/smp_affinity
md5sum </dev/vda; grep APLIC /proc/interrupts; exit 7'
is "$status" 7 "the run returns the command's status" || diag "$out" "$err"
like "$out" "^4.?$" "the guest has 4 vCPUs on 2 harts"
is "$(grep -c '^loop' <<<"$out")" 4 "4 vCPUs on 2 harts run four processes"
like "$out" "^$want" "--irqchip aia_direct: the guest reads the disk"
like "$out" '[1-9][0-9]* +0 +0 +0 +APLIC-DIRECT +1 +Level +ttyS0' "the APLIC delivers the console's interrupts to vCPU 0"
like "$out" '[0-9]+ +0 +[1-9][0-9]* +0 +APLIC-DIRECT +2 +Level +virtio0' "and the disk's to the vCPU that the guest chooses"

# ---- synced data survives when the launcher is killed ----
head -c 4M /dev/zero >"$tmp/disk"
GUEST_CMD='dd if=/bin/busybox of=/dev/vda bs=64k count=16 conv=fsync 2>/dev/null
dd if=/dev/vda bs=64k count=16 2>/dev/null | md5sum; echo synced; sleep 1000' \
	"$HS_TOP/scripts/hyperscope" run --timeout "$(scaled 120)" --disk "$tmp/disk" "${quiet[@]}" \
	>"$tmp/out" 2>&1 </dev/null &
first=$!
for _ in $(seq 1 $((10 * $(scaled 100)))); do
	grep -q ^synced "$tmp/out" && break
	sleep 0.1
done
kill -KILL $first
wait $first 2>/dev/null
for _ in $(seq 1 "$(scaled 50)"); do
	[ -z "$(left_running)" ] && break
	sleep 0.1
done
is "$(left_running)" "" "QEMU ends when the launcher is killed with SIGKILL"
sum=$(head -c 1M "$O/guest/busybox" | md5sum)
is "$(head -c 1M "$tmp/disk" | md5sum)" "$sum" "data that the guest synced is in the disk's file" ||
	diag "$(tail -n 5 "$tmp/out")"
like "$(cat "$tmp/out")" "^${sum%% *}" "the guest read back the data that it wrote"
hs exec --quiet "$O/tests/progs/ends" exit 0
is "$(find "$tmp/runs" -name ram)" "" "the next run removes the killed run's RAM file"

# ---- a guest that panics while its UART still transmits: the output and the messages are mixed ----
hs run "${quiet[@]}" --command 'printf %03000d 0; echo c >/proc/sysrq-trigger'
is "$status" 103 "a run whose guest panics ends with status 103"
like "$err" "the guest panicked: Kernel panic .*sysrq triggered crash$" "a guest's panic is reported"
like "$out" "^the last exits:" "a guest's last exits are printed when it panics"
is "$(left_running)" "" "nothing is left running"
done_testing
