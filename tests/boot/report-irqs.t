#!/bin/bash
# SPDX-License-Identifier: MIT
#
# report-irqs.t - the part "Interrupts" of the report counts a guest's interrupts and their exits, with each value of
# the toggle irqchip.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "each run has a controller of its own" irqchip
! qemu_older 10.0 || skip_all "QEMU $(qemu_version): the machine with an AIA needs QEMU 10.0"
export PYTHONPATH=$HS_TOP/tests/trace PYTHONDONTWRITEBYTECODE=1

# report NAME: make $tmp/NAME.html from the last run; set $counts, to the claims of a PLIC, the MSIs to memory and to
# guest files, and for each row the exits; and $sums, to the rows' costs
report()
{
	local said
	"$O/hstrace" html --out "$tmp/$1.html" "$(readlink -f "$tmp/runs/last")/trace" || diag "hstrace html: $?"
	said=$(python3 -c 'import sys
from report_page import Page
chip = Page(sys.argv[1]).run()["irqchip"]
print(chip["plic"], *chip["msis"], *(row["exits"] for row in chip["work"]))
print(*(row["sum"] for row in chip["work"]))' "$tmp/$1.html" 2>&1)
	counts=$(sed -n 1p <<<"$said")
	sums=$(sed -n 2p <<<"$said")
}

# run CHIP PAYLOAD OPTION...: run a payload of the walkthroughs, and make its report
run()
{
	local chip=$1 payload=$O/guest-payloads/$2.bin
	needs_built "$payload"
	shift 2
	hs run --quiet --icount --harts 1 --vcpus 1 --trace all "$@" --set irqchip="$chip" "$payload"
	[ "$status" = 0 ] || diag "$out $err"
	report "$chip"
}

# The exits of a row, in this order: kick, claim, completion, MSI of a vCPU, another register.
run user_plic device
is "$counts" "1 0 0 0 1 1 0 2" "user_plic: an interrupt costs a claim and a completion"
read -r _ user_claim user_complete _ <<<"$sums"
run kernel_plic device
is "$counts" "1 0 0 0 1 1 0 2" "kernel_plic: an interrupt costs a claim and a completion"
read -r _ claim complete _ <<<"$sums"
[ "$claim" -gt 0 ] && [ "$complete" -gt 0 ] && [ $((2 * claim)) -lt "$user_claim" ] && [ $((2 * complete)) -lt "$user_complete" ]
ok $? "kernel_plic: claim and completion cost less than half of those in user space" || diag "$claim $complete $user_claim $user_complete"
# The guest enables ids (two accesses to sireg) and source 1 of the APLIC (four stores), and sends itself an MSI.
run aia_emul msi --machine aia
is "$counts" "0 2 0 0 2 0 1 6" "aia_emul: two MSIs cost a claim each, and the guest's own MSI another exit"
run aia_hwaccel msi --machine aia
is "$counts" "0 0 1 0 0 0 0 4" "aia_hwaccel: MSIs cost no exits, and only the device's MSI is seen"

hs exec --quiet --machine aia --harts 2 --trace all --boot trace.size=64M "$O/tests/kvm-api/aia_msi"
is "$status" 0 "MSIs to vCPUs that run arrive" || diag "$out"
report aia_msi
read -r _ memory _ kicks claims _ <<<"$counts"
[ "$kicks" -gt 0 ] && [ "$kicks" -le "$memory" ] && [ "$claims" -gt "$kicks" ]
ok $? "exits in which the host interrupts a vCPU that runs are counted" || diag "$counts"

if command -v node >/dev/null; then
	is "$(node "$HS_TOP/tests/trace/page_runs.js" "$tmp"/*.html 2>&1)" "" "the scripts of these pages run without an error"
else
	skip "the scripts of these pages run without an error" "node is not installed"
fi
done_testing
