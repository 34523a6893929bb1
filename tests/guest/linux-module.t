#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module.t - the core as a module of Debian's kernel: it builds, and payloads and programs that test /dev/kvm run on it.
# linux-module.slow.t tests it as a whole, also with other kernels.
# Time-out: 300 seconds.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
[ -d "$O/linux_headers/headers" ] || skip_all "$O/linux_headers is missing: run 'scripts/hyperscope setup linux-module'"

make -C "$HS_TOP" --no-print-directory O="$O" linux-module-only >"$tmp/make" 2>&1
is "$?,$(grep -c 'warning:' "$tmp/make")" 0,0 "the module builds without warnings" || diag "$(tail -n 20 "$tmp/make")"

payloads="exits mmio fp hostile pmu"
spoils_redirects || payloads+=" nested"
programs="errors run regs lazy_put limited device_memory"
files=(--file "$O/vmm:/vmm" --file "$O/guest-payloads/harts.bin:/harts.bin")
for name in $payloads; do files+=(--file "$O/guest-payloads/$name.bin:/$name.bin"); done
for name in $programs; do files+=(--file "$O/tests/kvm-api/$name:/kvm/$name"); done
cat >"$tmp/machine.sh" <<'END'
	claim() { if [ "$1" = "$2" ]; then echo "ok - $3"; else echo "not ok - $3: $1, not $2"; fi; }
	hs=/sys/kernel/debug/hyperscope
	for name in $1; do
		[ $name = nested ] && h=--nested
		/vmm --no-sandbox --quiet --vcpus 2 --testdev $h --append "$3" /$name.bin
		claim $? 0 "payload $name: status 0"
	done
	for name in $2; do
		/kvm/$name
		claim $? 0 "$name: status 0"
	done

	echo 1 >/sys/kernel/tracing/events/hs/kvm_exit/enable
	count() { awk 'NR > 1 { n += substr($0, 25, 13) } END { print n + 0 }' $hs/exits; }
	before=$(count)
	/vmm --no-sandbox --quiet --vcpus 2 --testdev /exits.bin >/tmp/out
	claim "$?,$(grep -c ' kvm_exit: ' /sys/kernel/tracing/trace)" "0,$(($(count) - before))" \
		"the tracepoint records the exits that the table counts"

	/vmm --no-sandbox --quiet --vcpus 2 --testdev /harts.bin >/tmp/out &
	while kill -0 $! && ! ls -l /proc/$!/fd | grep -q kvm-vcpu; do :; done
	kill -STOP $!
	rmmod hyperscope 2>/dev/null
	claim $? 1 "the module is not removed while a VM exists"
	kill -KILL $!
	wait $!
	rmmod hyperscope && insmod /kvm.ko && rmmod kvm && insmod /hs/hyperscope.ko replace_kvm=1
	claim $? 0 "it is removed, kvm.ko is loaded and removed, and it is loaded again"
	/vmm --no-sandbox --quiet --vcpus 2 --testdev /exits.bin >/tmp/out
	claim "$?,$(grep -c '^not ok' /tmp/out)" 0,0 "a VM runs afterwards"
END
# Harts with counters for guests, and with vectors.
on_module "on Debian's kernel" 150 --cpu rv64,v=on,sscofpmf=on,smaia=on,ssaia=on --qemu-args "-device edu" --set exitstat=time --env HS_OURS=1 "${files[@]}" --file "$O/guest/modules/kvm.ko:/kvm.ko" \
	--file "$tmp/machine.sh:/machine.sh" "$O/guest/busybox" sh /machine.sh "$payloads" "$programs" "$(quirks | xargs)"
done_testing
