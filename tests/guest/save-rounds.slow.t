#!/bin/bash
# SPDX-License-Identifier: MIT
#
# save-rounds.slow.t - a VM whose two vCPUs write memory all the time is saved and restored 1000 times
# (ROUNDS), beside a process that keeps a hart busy, and 20 times on Spike. No store is lost: the
# payload save_dirty checks each page in each of its rounds, and ends only after the last restore.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

cat >"$tmp/rounds" <<'END'
rounds=$1
cd /
while :; do :; done &
busy=$!
vmm() { /vmm --quiet --vcpus 2 "$@" 2>>log; }
n=0
vmm --memory 16M --save a --save-rounds 0 --save-at 50 --append "until=input pages=64" /save_dirty.bin </dev/null
while [ $? = 0 ] && [ -f a ] && [ $n -lt $rounds ]; do
	n=$((n + 1))
	mv a b
	vmm --restore b --save a --save-rounds $((n % 3)) --save-at $((3 + n * 7 % 40)) </dev/null
done
echo "saved: $n times"
echo x | vmm --restore a
echo "status: $?"
kill $busy
cat log >&2
END

try_rounds()	# LABEL ROUNDS SECONDS OPTION...
{
	local label=$1 rounds=$2 seconds=$3
	shift 3
	HS_SECONDS=$seconds hs exec --quiet "$@" --file "$O/vmm:/vmm" --file "$tmp/rounds:/rounds" \
		--file "$O/guest-payloads/save_dirty.bin:/save_dirty.bin" \
		"$O/guest/busybox" sh /rounds "$rounds"
	is "$(grep '^saved' <<<"$out")" "saved: $rounds times" "$label: the VM is saved and restored $rounds times" ||
		diag "$(tail -n 5 <<<"$out$err")"
	relay "$out" "$label"
	like "$out" '^status: 0$' "$label: after the last restore, the guest ends by itself"
}

rounds=$(rounds_or 1000) || exit
try_rounds "2 harts" "$rounds" 1800 --harts 2
if command -v "${SPIKE:-spike}" >/dev/null; then
	try_rounds Spike 20 600 --machine spike --harts 2 --set timer=hrtimer
else
	skip "Spike" "riscv-isa-sim is not installed (\$SPIKE, or spike on the PATH)"
fi
done_testing
