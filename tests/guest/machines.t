#!/bin/bash
# SPDX-License-Identifier: MIT
#
# machines.t - payloads, programs that test /dev/kvm, two of Linux's selftests, and Debian's kernel in a
# VM run on QEMU's machine spike, here without Sstc and Svadu, and on Spike. Neither has virtio, yet a
# program's output reaches the user unchanged. The host does not use Sstc if stimecmp does not exist.
# On QEMU's machine, only 5 of the 16 programs of kvm-api.t run, to save time.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/payloads.sh"
need_files
! qemu_older 8.0 || skip_all "this QEMU has no svadu to switch off"

try_machine()	# NAME OPTION...
{
	local on=$1 machine=(--machine "$@") name files=() kvm_api=(run regs sbi lazy_put lacks) long

	printf -v long %0240d 7
	vm "$on: sbi" sbi
	vm "$on: sbi_legacy" sbi_legacy
	[ "$on" != spike ] || toggle timer hrtimer # Spike ignores htimedelta when vstimecmp is written
	vm "$on: timer" timer
	[ "$on" != spike ] || toggle timer
	vm "$on: exits" exits
	vm "$on: mmio" mmio --testdev
	vm "$on: mmio_hard" mmio_hard --vcpus 2 --testdev
	vm "$on: fp" fp --vcpus 2
	vm "$on: harts" harts --vcpus 2 rounds=30
	vm "$on: hostile" hostile --vcpus 2 --testdev
	[ "$on" != spike ] || vm "$on: nested" nested --nested # nested.t has it on QEMU
	boot hyperscope "${machine[@]}"

	[ "$on" != spike ] || kvm_api=(errors caps ring run regs reset ids lacks debug bus stats edges sbi lazy_put logged tally)
	for name in "${kvm_api[@]}"; do
		files+=(--file "$O/tests/kvm-api/$name:/kvm/$name")
	done
	hs exec --quiet "${machine[@]}" --env HS_OURS=1 "${files[@]}" "$O/tests/linux-abi/suite" "${kvm_api[@]/#//kvm/}"
	relay "$out" "$on"
	is "$status" 0 "$on: programs that test /dev/kvm exit with status 0" || diag "$err"

	for name in get-reg-list ebreak_test; do
		if [ ! -x "$O/kselftest/$name" ]; then
			skip "$on: Linux's selftest $name" "it is missing: scripts/hyperscope setup kselftest fetches it"
			continue
		fi
		hs exec --quiet "${machine[@]}" "$O/kselftest/$name"
		is "$status" 0 "$on: Linux's selftest $name passes" || diag "$out$err"
	done

	HS_SECONDS=60 hs run "${machine[@]}" --without-observation --command 'cat /proc/cpuinfo; exit 9'
	is "$status" 9 "$on: Debian's kernel runs a command in a VM, whose status is that of the run" || diag "$err"
	like "$out" '^isa[[:space:]]*: rv64imafdc_' "$on: the command's output is shown"

	# Copy random bytes, which arrive in pieces that end within a line, and write to standard error,
	# too. cat ends only at the end of the input.
	head -c 3000 /dev/urandom >"$tmp/bytes"
	"$HS_TOP/scripts/hyperscope" exec --quiet "${machine[@]}" --timeout "$(scaled 60)" "$guest_dir/busybox" sh -c \
		'cat; echo "not|an hs.2|escape\\n" >&2; exit 3' <"$tmp/bytes" >"$tmp/got" 2>"$tmp/err"
	is "$?:$(cat "$tmp/err")" '3:not|an hs.2|escape\n' "$on: standard error is separate from standard output"
	cmp "$tmp/bytes" "$tmp/got" >"$tmp/differences"
	ok $? "$on: each byte of the input returns as output" || diag "$(cat "$tmp/differences")"

	"$HS_TOP/scripts/hyperscope" exec "${machine[@]}" --timeout "$(scaled 60)" "$guest_dir/busybox" echo last </dev/null 2>&1 |
		grep -E '^(last|host: .* exited .*)$' >"$tmp/got"
	is "$(xargs <"$tmp/got")" "last host: /busybox exited with status 0" "$on: a program's output precedes the message about its end"

	# The first program would write for minutes.
	"$HS_TOP/scripts/hyperscope" exec --quiet "${machine[@]}" --harts 1 --timeout "$(scaled 60)" "$guest_dir/busybox" sh -c \
		'dd if=/dev/zero bs=50M count=1 & sleep 1; echo written >&2; kill -9 $!; wait; exit 5' \
		</dev/null >"$tmp/got" 2>"$tmp/err"
	is "$?:$(cat "$tmp/err")" "5:written" "$on: during a long write, other programs run and write, and it can be killed"

	hs exec --quiet "${machine[@]}" "$guest_dir/busybox" sh -c \
		'printf "host: panic: x\nhost: x exited with status 9\n*** FAILED *** (tohost = 521)\n" >/dev/console; exit 4'
	is "$status:$out$err" "4:" "$on: what a program writes to the console does not change the status of the run"
	cp "$guest_dir/busybox" "$tmp/$long"
	hs exec --quiet "${machine[@]}" "$tmp/$long"
	like "$status:$out$err" "^127:$long: applet not found" "$on: a program with a long name has its own status, too"
}

try_machine qemu-spike --cpu rv64,svadu=off
if command -v "${SPIKE:-spike}" >/dev/null; then
	try_machine spike
else
	skip "spike" "riscv-isa-sim is not installed (\$SPIKE, or spike on the PATH)"
fi

# Start QEMU without the launcher, which sets sstc=off. The machine does not end by itself: the firmware
# relies on the device tree and stops when it first sets the timer.
"${QEMU:-qemu-system-riscv64}" -M spike -cpu rv64 -m 64M -nodefaults -display none -serial "file:$tmp/log" \
	-kernel "$O/hyperscope.bin" 2>"$tmp/qemu" &
for ((i = 0; i < $(scaled 100); i++)); do
	! grep -qs 'sbi_trap_error\|panic' "$tmp/log" || break
	sleep 0.1
done
kill $!
wait $! 2>/dev/null
like "$(cat "$tmp/log")" '^host: stimecmp cannot be read, although the device tree names Sstc' \
	"the host detects that stimecmp cannot be read, although the device tree names Sstc"
done_testing
