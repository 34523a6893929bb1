#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench-apps.t - scripts/hyperscope bench-apps turns a guest's output into a CSV with the bench's
# columns, or refuses it. Here a program that prints given output stands in for the machine;
# tests/boot/bench-apps.slow.t runs real guests.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

mkdir -p "$tmp/o/guest-payloads" "$tmp/o/guest"
for file in guest-payloads/bench.bin vmm hyperscope.bin guest/vmlinux guest-initrd.cpio; do
	echo "$file" >"$tmp/o/$file"
done
echo "linux-image-7 7-1" >"$tmp/o/guest/version"
cat >"$tmp/qemu" <<'END'
#!/bin/bash
case "$*" in
*--version*) echo "QEMU emulator version 10.9.1" ;;
*only=none*) printf 'OpenSBI v1.9\n# sbi: implementation 1 version 0x10009\n' ;;
*-icount*)
	words="$* "
	initrd=${words#*-initrd }
	[ -f "${initrd%% *}" ] && {
		stat -c %s "${initrd%% *}" >>"$LINES_OF_GUEST.sizes"
		[ -z "${GUEST_HANGS:-}" ] || { echo $$ >"$GUEST_HANGS"; sleep 120; touch "$GUEST_HANGS.done"; }
	}
	cat "$LINES_OF_GUEST"
	exit "${GUEST_STATUS:-0}" ;;
*-kernel*) exec sleep 300 ;;	# wall time: a guest that prints nothing
esac
END
chmod +x "$tmp/qemu"
export QEMU=$tmp/qemu LINES_OF_GUEST=$tmp/guest
apps()
{
	out=$("$HS_TOP/scripts/hyperscope" bench-apps --out "$tmp/o" "$@" 2>"$tmp/err")
	status=$?
	err=$(<"$tmp/err")
}

# Each row has the number of operations per batch and the number of instructions of each batch. Here
# these numbers are the same in each layout.
printf '%s\n' "guest: Linux is up" batches,boot,1,950000000 "[   17.5] batches,fork_exec,20,23000000 21000000 21200010" >"$tmp/guest"
apps native --rows boot,fork_exec --csv "$tmp/csv"
is $status 0 "a guest's lines are accepted" || diag "$err"
like "$out" 'boot +950000\.00' "the figures are shown"
is "$(head -n 1 "$tmp/csv")" "$(head -n 1 "$HS_TOP/notebooks-data/exit-latency.csv")" "the CSV has the bench's columns"
is "$(sed -n 3p "$tmp/csv" | cut -d, -f1-8)" "native,fork_exec,default,rv64,instructions,300,1050000.00,1060000.50" "the CSV has a line for each row"
is "$(sed -n 3p "$tmp/csv" | cut -d, -f9-12)" "1150000.00,1150000.00,1086666.83," "the CSV has the 99th percentile, the maximum and the mean of all batches"
is "$(sort -u "$tmp/guest.sizes" | wc -l):$(wc -l <"$tmp/guest.sizes")" 5:5 "a guest boots five times, each time in another layout"
like "$(sed -n 3p "$tmp/csv")" ',10\.9\.1,.*,OpenSBI v1\.9 [^,]*,Linux linux-image-7 7-1,gcc' "the CSV records the tools' versions"
apps native --rows fork_exec --against "$tmp/csv"
is "$status:$(tail -n 1 <<<"$out")" "0:against $tmp/csv: 1 row, all figures are the same" "--against succeeds if the figures are the same"
sed -i 's/21200010/21200030/' "$tmp/guest"
apps native --rows fork_exec --against "$tmp/csv"
is $status 1 "--against fails if a figure differs"
like "$out" 'native fork_exec default rv64: p50 1060000.50 and 1060001.50|1060001.50 and 1060000.50' "--against names the figure that differs"

said=$(PYTHONPATH=$HS_TOP/scripts python3 -B -c 'from hs.commands.bench_apps import compared
print(compared({"hyperscope": [4.0, 4.1, 4.2], "Linux KVM": [8.0, 8.2, 8.4]}))' 2>&1)
like "$said" '^  hyperscope / Linux KVM: 0\.50 x \(median of 3 pairs' "times of alternating runs are compared"

sed -i '/fork_exec/d' "$tmp/guest"
apps native --rows boot
is $status 125 "a guest that ends early gives no figures"
like "$err" 'native \(processes, layout [1-5]\): the guest ended without fork_exec' "the rows that are missing because the guest ended early are reported"
cp "$tmp/guest" "$tmp/boot"
printf '%s\n' batches,boot,1,950000000 batches,boot,1,1 batches,fork_exec,20,23000000 >"$tmp/guest"
apps native --rows boot
like "$status $err" '^125 .*native \(processes, layout [1-5]\): the guest printed the rows boot, boot, fork_exec, not each once' "a row that occurs twice is refused"
printf '%s\n' batches,boot,1,950000000 batches,fork_exec,0,23000000 >"$tmp/guest"
apps native --rows boot
like "$status $err" '^125 .*the guest ended without fork_exec' "a row without operations is refused"
cp "$tmp/boot" "$tmp/guest"
GUEST_STATUS=3 apps native --rows boot
like "$status $err" '^125 .*native \(processes, layout [1-5]\) ended with status 3 after 1 row' "a machine that fails is reported"
like "$err" '^  batches,boot,1,950000000$' "the end of the console of a machine that fails is shown"
printf 'x\033[2Jy\007\n%0200d\n' 7 >>"$tmp/guest"
GUEST_STATUS=3 apps native --rows boot
is "$(tail -n 2 <<<"$err")" "  x?[2Jy?
  $(printf %073d 0)..." "control characters are not shown, and long lines are shortened"
rm -r "$tmp/o/failed"
: >"$tmp/o/failed"
GUEST_STATUS=3 apps native --rows boot
like "$err" '/failed/bench-native.*log: .*Not a directory|/failed/bench-native.*log: File exists' "if the output cannot be kept, the reason is given"
cp "$tmp/boot" "$tmp/guest"
# This stand-in for timeout(1) leads a process group but does not pass SIGTERM on. The real one does
# not either if it is in the middle of its fork().
mkdir "$tmp/temporary" "$tmp/bin"
cat >"$tmp/bin/timeout" <<'END'
#!/usr/bin/env python3
import os
import subprocess
import sys

os.setpgid(0, 0)
words = [word for word in sys.argv[1:] if not word.startswith("--")]
sys.exit(subprocess.call(words[1:]))
END
chmod +x "$tmp/bin/timeout"
PATH=$tmp/bin:$PATH TMPDIR=$tmp/temporary GUEST_HANGS=$tmp/pid python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execv(sys.argv[1], sys.argv[1:])' "$HS_TOP/scripts/hyperscope" bench-apps --out "$tmp/o" native --rows boot >"$tmp/said" 2>&1 &
pid=$!
wait_until 300 '[ -s "$tmp/pid" ]'
ok $? "the machine of a measurement has begun" || diag "$(<"$tmp/said")"
kill -INT $pid
wait $pid
is "$? $(ls "$tmp/temporary")" "130 " "Ctrl-C leaves no temporary file" || diag "$(<"$tmp/said")"
wait_until 50 'ended "$(<"$tmp/pid")"' && [ ! -e "$tmp/pid.done" ]
ok $? "Ctrl-C ends the machine"
if [ -f "$O/guest/busybox" ]; then
	ln -s "$O/guest/busybox" "$tmp/o/guest/busybox"
	echo batches,fork_exec,20,23000000 >>"$tmp/guest"
	apps native --rows boot --runs 1 --timeout 2
	like "$status $(tr '\n' ' ' <<<"$err")" '^125 .*no guest started within 2 seconds \(--timeout\)' "--timeout ends the wait for a guest that prints nothing"
else
	skip "--timeout ends the wait for a guest that prints nothing" "$O/guest/busybox is missing"
fi
apps native --rows hackbench
is "$status $err" "125 bench-apps: $tmp/o/rt_tests is missing: run 'scripts/hyperscope setup apps'" "missing rt-tests are reported"
apps native --rows boot --against "$tmp/guest"
like "$status $err" "^125 bench-apps: $tmp/guest: not a file that scripts/hyperscope bench --csv wrote" "--against refuses a file that is not the bench's CSV"
rm "$tmp/o/vmm"
apps native --rows boot
is "$status $err" "125 bench-apps: $tmp/o/vmm is missing: run 'scripts/hyperscope setup run', then make" "a missing VMM is reported"

apps nativ
like "$status $err" "^2 .*there is no system 'nativ'; known systems: native, hyperscope, linux" "a system that does not exist is refused"
apps --rows boots
like "$status $err" "^2 .*there is no row 'boots'; --list shows the rows" "a row that does not exist is refused"
apps --csv "$tmp"
like "$status $err" "^2 .*--csv $tmp: cannot be written" "--csv with a folder is refused"
apps --csv /none/csv
like "$status $err" "^2 .*--csv /none/csv: cannot be written" "a CSV that cannot be written is refused"
done_testing
