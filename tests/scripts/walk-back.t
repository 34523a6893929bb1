#!/bin/bash
# SPDX-License-Identifier: MIT
#
# walk-back.t - the prompt of a walkthrough: b goes back a step, rb goes back to the last change of
# a field, and a command that never returns is interrupted.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "the tour sets the toggles that it is about" all
. "$HS_TOP/tests/scripts/walk.sh"
why=$(why_no_tours)
[ -z "$why" ] || skip_all "$why"

# The expected results of rb: each field's last change on the path from the trap to exit_sbi(),
# found by stepping forward.
cat >"$tmp/forward.py" <<'E2'
import gdb
from hs.gdb import meaning

FIELDS = "a0 hstatus guest.sepc vcpu.mode".split()
end = int(gdb.parse_and_eval("(unsigned long)&exit_sbi"))
last = {}
values = {f: meaning.read(f) for f in FIELDS}
while meaning.read("pc") != end:
    pc = meaning.read("pc")
    gdb.execute("stepi", to_string=True)
    now = {f: meaning.read(f) for f in FIELDS}
    last.update({f: pc for f in FIELDS if now[f] != values[f]})
    values = now
print("\n" + "\n".join("FORWARD %s 0x%x" % row for row in sorted(last.items())))
E2
state='python from hs.gdb import cmd_switch; print("STATE", sorted(row for row in cmd_switch.take().items() if row[0] not in ("sip", "vsip", "hvip")))'
{
	printf '%s\n' '' "$state" 'hs vcpu 0' '' '' '' "$state" b b b "$state" 'hs vcpu 0'	# three steps and back
	printf '%s\n' 'stepi' 'stepi' 'nosuchcommand' 'kill' 'monitor quit' 'b' 'b' "$state"			# two single steps, refused commands, and back
	printf '%s\n' "source $tmp/forward.py" b "$state"
	for field in a0 hstatus guest.sepc vcpu.mode; do
		printf '%s\n' '' "rb $field" "printf \"RB $field 0x%lx\\n\", \$pc"
	done
	for field in nosuchfield vsatp; do
		printf '%s\n' "printf \"AT 0x%lx\\n\", \$pc" "rb $field" "printf \"AT 0x%lx\\n\", \$pc"
	done
	printf '%s\n' 'rb' '' '' '' ''				# continue the tour to its end
} >"$tmp/keys"
said=$(timeout "$(scaled 150)" "$HS_TOP/scripts/hyperscope" walk --timeout "$(scaled 60)" null-sbi <"$tmp/keys" 2>&1)
states=$(grep -o 'STATE.*' <<<"$said")
is "$(wc -l <<<"$states")" 5 "the prompt accepts gdb's commands" || diag "$(tail -n 40 <<<"$said")"
is "$(sed -n 3p <<<"$states")" "$(sed -n 1p <<<"$states")" "b restores every register after three steps"
[ "$(sed -n 2p <<<"$states")" != "$(sed -n 1p <<<"$states")" ]
ok $? "the registers differ after three steps"
is "$(grep -A 20 'vCPU 1.0' <<<"$said" | grep -c '^registers in hart 0, as the trap left them')" 2 "b restores the vCPU after three steps"
is "$(sed -n 4p <<<"$states")" "$(sed -n 1p <<<"$states")" "b undoes single steps"
is "$(sed -n 5p <<<"$states")" "$(sed -n 1p <<<"$states")" "b undoes the steps of a script"
forward=$(grep -o 'FORWARD .*' <<<"$said")
for field in a0 hstatus guest.sepc vcpu.mode; do
	is "$(grep -o "RB $field .*" <<<"$said")" "RB $(sed -n "s/FORWARD \\($field .*\\)/\\1/p" <<<"$forward")" \
		"rb $field goes to the instruction that stepping forward finds"
done
like "$(grep "no register" <<<"$said")" "there is no register or field 'nosuchfield'" "rb reports an unknown field"
like "$said" "nothing since the beginning has changed vsatp|the last stop is [0-9]+ instructions back" "rb reports a field that has not changed"
is "$(grep -o 'AT 0x.*' <<<"$said" | sort -u | wc -l) $(grep -c 'AT 0x' <<<"$said")" "1 4" "rb leaves the machine where it is if it fails"
like "$(grep "^.walk. name a field" <<<"$said")" "name a field" "rb needs a field"
is "$(grep -c "^.walk. '.*' would detach from this machine" <<<"$said")" 2 "a command that would end the machine is refused"
like "$(tail -n 3 <<<"$said")" "walk: null-sbi: 4 steps, as expected" "after these commands, the tour ends as usual"
unlike "$said" "not as the tour expects|Traceback|Python Exception" "all expectations hold after going back"

# On a terminal, a guest that loops forever: the walk interrupts 'continue' and reports that it did
# not return.
printf '%s\n' '' '' '' '' 'set *(unsigned int *) $pc = 0x6f' 'continue' 'hs where' b b 'hs where' q >"$tmp/keys"
seconds=$(scaled 6)
said=$(timeout "$(scaled 60)" script -qefc "'$HS_TOP/scripts/hyperscope' walk --timeout $seconds null-sbi" /dev/null <"$tmp/keys" 2>&1)
is $? 0 "on a terminal, q ends the tour with status 0" || diag "$(tail -n 20 <<<"$said")"
like "$(grep "did not return" <<<"$said")" "'continue' did not return within $seconds seconds and was interrupted" "the watchdog stops a command that never ends" || diag "$(tail -n 40 <<<"$said")"
is "$(left_running)" "" "nothing is left running"
done_testing
