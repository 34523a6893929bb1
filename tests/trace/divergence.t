#!/bin/bash
# SPDX-License-Identifier: MIT
#
# divergence.t - hstrace divergence names the first event at which a run leaves another one, allows what the specification
# allows, and handles malformed logs.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

hstrace=$O/hstrace
needs_built "$hstrace"

diverge()	# ARGS...
{
	out=$(timeout "$(scaled 20)" "$hstrace" divergence "$@" 2>"$tmp/err")
	status=$?
	err=$(cat "$tmp/err")
}

cat >"$tmp/a" <<'END'
hyperscope: hart 0, kernel at 0x80200000
workload: PASS: 
trace: hart 0: the last 4 of 4 events
trace: 0.0000100 0 1.0 kvm_entry: pc=0x80200000 class=0
trace: 0.0000200 0 1.0 kvm_exit: sepc=0x80200010 scause=0x15 stval=0x10000007 htval=0x4000001 htinst=0x3503
trace: 0.0000300 0 1.0 kvm_mmio_insn: insn=0x3503 fetched=0 pc=0x80200010
trace: 0.0000400 0 - kvm_ioctl_return: cmd=0xae80 ret=0
END

diverge "$tmp/a" "$tmp/a"
is "$status $out" "0 the runs agree: 4 events" "a run agrees with itself"
sed 's/trace: 0.0000/trace: 7.0000/; s/$/\r/' "$tmp/a" >"$tmp/b"
diverge "$tmp/a" "$tmp/b"
is "$status" 0 "times and carriage returns do not matter"
sed 's/^/\r/; s/sepc/\r&/; s/$/\r\r/' "$tmp/a" >"$tmp/b"
diverge "$tmp/a" "$tmp/b"
is "$status $out" "0 the runs agree: 4 events" "... wherever they are"
sed 's/htinst=0x3503/htinst=0x0/; s/insn=0x3503 fetched=0/insn=0x53503 fetched=1/' "$tmp/a" >"$tmp/b"
diverge "$tmp/a" "$tmp/b"
is "$status" 0 "htinst may be 0, and the instruction is then fetched"
like "$out" '^1 times: H §6.3: htinst may be 0$' "the allowed differences are listed"
diverge "$tmp/b" "$tmp/a"
is "$status" 1 "an expected htinst of 0 allows no other value"
diverge --strict "$tmp/a" "$tmp/b"
is "$status" 1 "--strict allows no difference"
like "$out" '^the first field that differs is htinst \(H §6.3\)$' "the field and its paragraph are named"
sed 's/scause=0x15/scause=0x17/; s/htval=0x4000001/htval=0x4000002/' "$tmp/a" >"$tmp/b"
diverge "$tmp/a" "$tmp/b"
like "$out" '^the runs diverge at event 2$' "the number of the event is given"
like "$out" '^expected: 1\.0 kvm_exit: .*scause=0x15.* \(line 5\)$' "the expected event and its line are shown"
like "$out" '^the first field that differs is scause \(H .6\.1\)$' "of several fields, the first is named"
like "$out" '^the last exit was at pc 0x80200010 of vCPU 1\.0' "the guest's pc is shown"
esc=$(printf '\033')
sed "s/ 1\.0 kvm_exit: sepc=0x80200010/ 1${esc}[31m.0 kvm_exit: sepc=0x80200010$esc]0;x/; s/scause=/sc${esc}e=/" "$tmp/a" >"$tmp/bad"
diverge "$tmp/bad" "$tmp/bad"
is "$status" 0 "events with control characters are compared"
diverge "$tmp/a" "$tmp/bad"
like "$status $(tr '\n' ' ' <<<"$out")" '^1 .*actual: +1\?\[31m\.0 kvm_exit: sepc=0x80200010\?\]0;x sc\?e=.* of vCPU 1\?\[31m\.0' "control characters in an event are not printed"
sed "s/scause=/sc${esc}e=/" "$tmp/a" >"$tmp/bad"
diverge "$tmp/a" "$tmp/bad"
like "$out" '^the first field that differs is sc\?e$' "control characters in a field's name are not printed"
unlike "$out" "$esc" "... nor anywhere else in the output"

# ---- symbols ----
smoke=$O/guest-payloads/smoke.elf
printf '80200000 T one\n80300000 T two\n' >"$tmp/list"
diverge --symbols "$tmp/list" "$tmp/a" "$tmp/b"
like "$status $(grep "^the last" <<<"$out")" '^1 the last exit was at pc 0x80200010 of vCPU 1\.0, one\+0x10$' "a list of symbols names the function, but has no instructions"
if [ -e "$smoke" ]; then
	diverge --symbols "$smoke" "$tmp/a" "$tmp/b"
	like "$status $(grep "^the last" <<<"$out")" '^1 the last exit was at pc 0x80200010 .*, instruction 0x[0-9a-f]+$' "the payload's ELF file has the instruction"
	python3 - "$smoke" "$tmp/damaged" <<-'END'
		import struct, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		start, size, n = struct.unpack_from("<Q", data, 32) + struct.unpack_from("<HH", data, 54)
		for i in range(n):  # p_offset
		    struct.pack_into("<Q", data, start + i * size + 8, 1 << 62)
		open(sys.argv[2], "wb").write(data)
	END
	diverge --symbols "$tmp/damaged" "$tmp/a" "$tmp/b"
	like "$status $(grep "^the last" <<<"$out")" '^1 the last exit was at pc 0x80200010 of vCPU 1\.0[^,]*(, [^,]*)?$' "... unless its segments lie outside the file"
else
	skip "the payload's ELF file has the instruction" "$smoke is missing: run make"
fi

sed 's/ 1\.0 kvm_entry/ 1.1 kvm_entry/' "$tmp/a" >"$tmp/b"
diverge "$tmp/a" "$tmp/b"
like "$out" '^the runs diverge at event 1$' "an event of another vCPU is a difference"
head -n 6 "$tmp/a" >"$tmp/b"
diverge "$tmp/a" "$tmp/b"
like "$out" '^actual: +no event: the log ends after 3$' "a log that ends early diverges there"
diverge "$tmp/b" "$tmp/a"
like "$out" '^expected: +no event: the log ends after 3$' "... as does one with more events"
for cut in 'htinst=0x3503' 'htinst=' ' htinst=0x3503'; do
	sed "s/$cut//" "$tmp/a" >"$tmp/b"
	diverge "$tmp/a" "$tmp/b"
	is "$status" 1 "an event without '$cut' differs"
done

sed 's/kvm_entry:/kvm_entry:x/' "$tmp/a" >"$tmp/b"
diverge "$tmp/a" "$tmp/b"
is "$status" 1 "an event's name is compared to its end"
sed 's/^trace: 0/guest: trace: 0/' "$tmp/a" >"$tmp/b"
diverge "$tmp/a" "$tmp/b"
is "$status" 2 "a guest cannot print events within its lines"
sed 's/the last 4 of 4/the last 4 of 9/' "$tmp/a" >"$tmp/b"
diverge "$tmp/a" "$tmp/b"
like "$status $out" '^0 .*b does not have the first events of its run, so others may differ$' "a log that lacks events says so"

# ---- malformed logs ----
diverge "$tmp/a" "$tmp/none"
is "$status" 2 "a file that does not exist is wrong use"
: >"$tmp/empty"
diverge "$tmp/a" "$tmp/empty"
like "$err" 'has no events: was the run made with the boot arguments trace=LIST and trace.end=N' "a log without events says what to do"
is "$status" 2 "... with status 2"
printf 'trace: \ntrace: 0.1\ntrace: 0.1 0\ntrace: x 0 1.0 a: b\ntrace: 0.1 0 1.0 \ntrace: 0.1 0 1.0 x' >"$tmp/b"
diverge "$tmp/a" "$tmp/b"
is "$status" 2 "a truncated line is not an event"
{ cat "$tmp/a"; head -c 200000 /dev/urandom; echo; cat "$tmp/a"; } >"$tmp/b"
diverge "$tmp/b" "$tmp/b"
like "$status $out" '^0 the runs agree: [1-9]' "random bytes between the lines are skipped"
diverge "$tmp/a"
is "$status" 2 "one log is too few"
diverge --wrong "$tmp/a" "$tmp/a"
is "$status" 2 "an unknown option is refused"
for other in a b; do
	"$hstrace" divergence "$tmp/a" "$tmp/$other" >/dev/full 2>"$tmp/err"
	like "$? $(cat "$tmp/err")" '^2 .*standard output: cannot be written' "a result that cannot be written has status 2 (a and $other)"
done
diverge --symbols "$tmp/a" "$tmp/a"
is "$status" 2 "an option without its value is refused"
done_testing
