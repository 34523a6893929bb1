#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-reload.slow.t - the module is loaded, runs a VM, and is removed 1000 times (ROUNDS=N, at least 20), and Linux does not
# use more memory afterwards.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
[ -e "$O/hyperscope.ko" ] || skip_all "$O/hyperscope.ko is missing: run 'make linux-module'"
rounds=$(rounds_or 1000 20) || exit

# Print the kinds of memory, in KiB, 20 times. Linux frees a module's pages some time after its removal, so free memory
# varies by 20 MiB: the maxima of both halves are compared.
cat >"$tmp/reload.sh" <<'END'
	rounds=$1 at=0
	rmmod hyperscope
	for i in $(seq 1 $rounds); do
		insmod /hs/hyperscope.ko replace_kvm=1 && /vmm --no-sandbox --quiet --vcpus 2 /hello.bin >/tmp/out 2>&1 &&
			rmmod hyperscope || { echo "round $i failed"; cat /tmp/out; exit 1; }
		if [ $((i * 20 / rounds)) -gt $at ]; then
			at=$((i * 20 / rounds))
			echo 3 >/proc/sys/vm/drop_caches
			sleep 1
			awk -v i="$i" '{ kib[$1] = $2 } END { print "memory", i, kib["MemFree:"], kib["SUnreclaim:"], kib["VmallocUsed:"],
				kib["Percpu:"] + kib["PageTables:"] + kib["KernelStack:"] }' /proc/meminfo
		fi
	done
END
timeout -s KILL "$(scaled $((60 + 2 * rounds)))" "$HS_TOP/scripts/hyperscope" linux-kvm exec --hypervisor hyperscope \
	--out "$O" --log "$tmp/log" --kernel-args "$(stall_timeouts)" --timeout "$(scaled $((30 + 2 * rounds)))" --file "$O/vmm:/vmm" --file "$O/guest-payloads/hello.bin:/hello.bin" \
	--file "$tmp/reload.sh:/reload.sh" "$O/guest/busybox" sh /reload.sh "$rounds" </dev/null >"$tmp/out" 2>"$tmp/err"
is "$?,$(grep -c '^memory' "$tmp/out")" 0,20 "loaded and removed $rounds times, each time with a VM" || diag "$(tail -n 5 "$tmp/out" "$tmp/err")"
no_warning "reloads"

# more_in_use COLUMN SIGN: print how many KiB more are in use in the second half of the rounds than in the first, when as
# little as possible is in use. SIGN is 1 if the column has free memory, and -1 if it has used memory.
more_in_use()
{
	awk -v column="$1" -v sign="$2" '/^memory/ { half = ++n > 10; value = sign * $column
		if (!(half in best) || value > best[half]) best[half] = value } END { print best[0] - best[1] }' "$tmp/out"
}
diag "$(sed -n 's/^memory/round, KiB free, slab, vmalloc, other:/p' "$tmp/out" | sed -n '1p;10p;20p')"
for kind in "free memory:3:1:4096" "slabs:4:-1:192" "vmalloc:5:-1:64" "page tables, stacks and per-hart memory:6:-1:64"; do
	IFS=: read -r name column sign most <<<"$kind"
	more=$(more_in_use "$column" "$sign")
	ok $((!(more <= most))) "$name: at most $most KiB more in use after the second half" || diag "$more KiB"
done
done_testing
