#!/bin/bash
# SPDX-License-Identifier: MIT
#
# measure.t - hyperscope measure prints the figures of all systems in one table, and those of rows of
# the bench are the bench's. A failed job has no figure, and logs are kept. Wrong use is refused with
# the option and the value. new.t measures a payload; tests/boot/bench.slow.t measures Linux KVM.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

measure()	# ARGS...: run measure, and set $status, $out and $err
{
	timeout --kill-after=5 "$(scaled 120)" "$HS_TOP/scripts/hyperscope" measure --out "${WHERE:-$tmp/o}" "$@" \
		>"$tmp/said" 2>"$tmp/err"
	status=$?
	out=$(cat "$tmp/said") err=$(cat "$tmp/err")
}
refused()	# REGEX NAME ARGS...: claim that ARGS are refused with one line that matches REGEX
{
	measure "${@:3}"
	[[ $status = 2 && $err != *$'\n'* && $err =~ $1 ]]
	ok $? "refused: $2" || diag "status $status: $err"
}

# ---- wrong use ----
refused "WORKLOAD: 'hello' is not of the form bench:ROWS" "a workload without its kind" hello
refused "WORKLOAD: there is no payload 'helo'; known payloads: .*hello" "a payload that does not exist" payload:helo
refused "WORKLOAD: there is no row 'x'" "a row that does not exist" bench:x
refused "WORKLOAD: bare cannot measure blk_read_4k" "a row that no chosen system has" bench:blk_read_4k --systems bare
refused "--systems qemu: there is no system 'qemu'; known systems: bare, hyperscope, linux, all" "an unknown system" payload:hello --systems qemu
refused "--systems bare: only hyperscope has toggles" "a toggle without hyperscope" payload:hello --systems bare --toggle fp
refused "there is no toggle 'color'" "an unknown toggle" payload:hello --toggle color
refused "toggle fp takes .*'blue'" "a toggle's unknown value" payload:hello --set fp=blue
refused "--set fp=eager: --toggle measures each value" "a toggle that is both set and compared" payload:hello --set fp=eager --toggle fp
refused "--vcpus: '65' is not a number from 1 to 64" "too many vCPUs" payload:hello --vcpus 65
refused "--memory: 'lots' is not a size" "an invalid size" payload:hello --memory lots
refused "--cpu: 'help' is not a processor" "QEMU's word for its list of processors" payload:hello --cpu help
refused "--cpu: rv64,nope=on: QEMU refuses it: " "a processor's property that does not exist" payload:hello --cpu rv64,nope=on
refused "--memory: bench:mmio_read has no memory" "an option that the workload does not take" bench:mmio_read --memory 64M
refused "command runs on this machine: omit --systems" "a system for a command of this machine" command:true --systems bare
refused "--jobs 0: must be a whole number of at least 1" "zero jobs at a time" command:true --jobs 0
refused "--timeout -1: must be a whole number of at least 1" "a negative time limit" command:true --timeout -1
refused "--jobs x: must be a whole number of at least 1" "a word as a number of jobs" command:true --jobs x
refused "--timeout 9999999: at most" "a time limit that a sweep's file cannot hold" command:true --timeout 9999999
refused "--csv $tmp: cannot be written" "a folder as the CSV" command:true --csv "$tmp"
HYPERSCOPE_SET=fp=eager refused "HYPERSCOPE_SET is set" "toggles of the environment" payload:hello
is "$(ls "$tmp/o" 2>/dev/null)" "" "a refused command writes nothing"

measure payload:hello
like "$status $err" "^125 .*guest-payloads/hello.bin: No such file or directory; run 'scripts/hyperscope setup run', then make" \
	"an image that is not built is named, with the commands that build it"

# ---- the table, from synthetic results ----
python3 - "$HS_TOP/scripts" >"$tmp/said" 2>&1 <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from hs.measure.table import lines_of
print("\n".join(lines_of({
    "bare": [("call", "330.00", "instructions"), ("walk", "7", "")],
    "hyperscope": [("call", "143.00", "instructions"), ("walk", "9", ""), ("none", "1", "ns"), ("call", "150", "instructions")],
    "Linux KVM": [("call", "572", "instructions"), ("none", "0", "ns"), ("walk", "9", "ms")],
    "fp=eager": [("call", "1", "instructions")]})))
print("\n".join(lines_of({"bare": [("x" * 40 + end, "1", "") for end in ("1", "2", "2")]})))
print(all(len(line) <= 80 for line in lines_of({"fp=%d" % n: [("x" * 99, "1" * 20, "instructions")] for n in range(9)})))
print("\n".join(lines_of({"bare": [("x" * 40, "0.12345678901234567890123456789", "u" * 70), ("y", "1" * 20, "ns")]})))
END
is "$(<"$tmp/said")" "\
                                                                     fp
result   unit             bare  hyperscope  Linux KVM    ratio   =eager
call     instructions   330.00      143.00        572     0.25        1
walk                         7           9          -        -        -
none     ns                  -           1          0        -        -
call #2  instructions        -         150          -        -        -
walk     ms                  -           -          9        -        -
result                                unit     bare
xxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxx1              1
xxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxx2              1
xxxxxxxxxxxxxxxxx...xxxxxxxxxxxx2 #2              1
True
result                                unit                                  bare
xxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxx  uuuuuuuuu...uuuuuuuu        0.123456789012
y                                     ns                    11111111111111111111" "figures are compared only in the same unit, repeated and long names stay distinct, and columns that do not fit in a line follow below"

PYTHONPATH=$HS_TOP/scripts python3 -B - >"$tmp/said" 2>&1 <<'END'
from hs.commands import measure
for words in ("--toggle switch --toggle wfi", "--set fastpath=off --toggle switch", "--set fp=eager --toggle switch"):
    parser = measure.new_parser()
    plan = measure.planned(parser, parser.parse_args(("bench:wfi_pending --systems hyperscope " + words).split()))
    print(", ".join(column.title for column in plan.columns))
END
is "$(<"$tmp/said")" "hyperscope, switch=full, fastpath=off, fastpath=off switch=full, wfi=native, fastpath=off wfi=native
hyperscope, switch=full
hyperscope, switch=full, fastpath=off, fastpath=off switch=full" "each setting has one column, with its own title"

python3 - "$HS_TOP/scripts" >"$tmp/said" 2>&1 <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from hs.sweep.workloads import exits_in
print(exits_in("vmm: counter exits 1\nvmm: counter my_exit 3\nguest\r\nvmm: counter mmio_exit_user 7\r\nvmm: counter exits 8\r\nbye\n"))
print(exits_in("no counters"))
END
is "$(<"$tmp/said")" "[('exits', '8', 'exits'), ('exits.mmio_user', '7', 'exits')]
[]" "lines that a guest prints like the VMM's counters are not counted as exits"

python3 - "$HS_TOP/scripts" "$tmp" >"$tmp/said" 2>&1 <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from hs.sweep.workloads import Place
place = Place(sys.argv[2], "", 1)
print(place.call(["sh", "-c", "echo much; sleep 60"])[1], place.call(["echo", "little"])[1])
END
is "$(xargs <"$tmp/said")" "little" "the output of a job that took too long is not read into memory"

python3 - "$HS_TOP/scripts" "$tmp/timers" >"$tmp/said" 2>&1 <<'END'
import subprocess, sys
sys.path.insert(0, sys.argv[1])
from hs.sweep.workloads import GUEST_CLOCK
for text in ("Version: v0.9\nnow at 123 nsecs\n", "Version: v0.9\n"):
    with open(sys.argv[2], "w") as file:
        file.write(text)
    script = GUEST_CLOCK.replace("/proc/timer_list", sys.argv[2]) + 'now=7; now; echo "$?:$now"'
    print(subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, text=True).stdout, end="")
END
is "$(xargs <"$tmp/said")" "0:123 1:" "a guest's function now does not keep an earlier time if the clock cannot be read"

mkdir "$tmp/work"
python3 - "$HS_TOP/scripts" "$tmp/work" >"$tmp/said" 2>&1 <<'END'
import os, sys
sys.path.insert(0, sys.argv[1])
from hs.bench.systems import BenchError, Job
from hs.sweep.workloads import LoggedRunner, Place
place = Place(sys.argv[2], sys.argv[2], 1)
runner = LoggedRunner(place)
runner.bare = lambda job: ["sh", "-c", "echo console; echo error >&2; exit 3"]
try:
    runner.run(Job("bare", "rv64", "", "one", ("sbi_version",)))
except BenchError as error:
    print(error)
print(os.listdir(sys.argv[2]), open(place.log).read().split())
END
is "$(<"$tmp/said")" "bare rv64 ended with status 3 after 0 rows
['log'] ['console', 'error']" "a job of the bench that fails writes its output to its own log only, where no other job can replace it"

# ---- jobs that need no machine ----
python3 -c 'import tomllib' 2>/dev/null || { skip "measuring" "Python before 3.11 cannot read TOML"; done_testing; exit; }
measure 'command:echo note; echo result "a\"b" "$ARGUMENT" ms; echo result c .5' --argument 12 --csv "$tmp/csv"
is "$status $(sed -n '/^result /,/^$/p' <<<"$out")" '0 result  unit  this machine
a"b     ms              12
c                       .5' "the table has the lines that a command prints, with the value of --argument" || diag "$out" "$err"
cmp -s "$tmp/csv" "$tmp/o/measure/command/results.csv"
ok $? "--csv copies the results"
measure 'command:echo result a 1' --quiet --csv "$tmp/o/measure/command/results.csv"
is "$status $err $(grep -c ',a,1,' "$tmp/o/measure/command/results.csv")" "0  1" "--csv may name the results themselves"
measure 'command:echo result a 1' --quiet --csv /dev/stdout
like "$status $(xargs -d '\n' <<<"$out")" '^0 .* a  *1 .* workload,repetition,.*,ok,,a,1,' "--csv can write to the standard output, after the table"
"$HS_TOP/scripts/hyperscope" measure --out "$tmp/o" command:true >&- 2>"$tmp/err"
is "$? $(<"$tmp/err")" "125 measure: the standard output is closed; to discard it, use >/dev/null" "a closed standard output is refused"
python=$(python3 -c 'import sys; print(sys.executable)')	# python3 may be a script that fails without standard error
"$python" "$HS_TOP/scripts/hyperscope" measure --out "$tmp/o" 'command:echo result a 1' 2>&- >"$tmp/said"
is "$? $(grep -c '^a .* 1$' "$tmp/said")" "0 1" "with a closed standard error, the results are printed"
measure 'command:echo result a 1' --quiet --csv /dev/full
like "$status $err" '^125 measure: /dev/full: No space left on device$' "a --csv that cannot be written is named"
measure 'command:echo note; echo result "a\"b" "$ARGUMENT" ms; echo result c .5' --argument 12
like "$(<"$tmp/o/measure/command/jobs/00001/log")" '^note$' "the log of a job that succeeded is kept"
like "$out" '^log +.*/measure/command/jobs/00001/log  this machine$' "the log's path is printed"
like "$err" "^measure: removed the previous results in .*/measure/command " "the user is told that results were replaced"
like "$err" '^measure: 1 of 1 done, 0 failed, 0 running$' "progress is that of the command measure"
like "$("$HS_TOP/scripts/hyperscope" sweep --plan "$tmp/o/measure/command/table.toml" 2>&1)" '^00001 workload=command:echo .* argument=12 \(1\)$' "the sweep's file has the measured job"
measure 'command:echo result a 1; echo why; false'
like "$status $out" '^this machine: failed: ended with status 1$' "a failed job is reported with its reason"
is "$status $(grep -c '^result ' <<<"$out")" "1 0" "a failed job's figures are not in the table"
is "$(xargs <"$tmp/o/measure/command/jobs/00001/log")" "result a 1 why" "the log of a failed job is kept, and replaces the previous one"
measure command:true
like "$status $out" "^this machine: printed no line 'result NAME VALUE \[UNIT\]'$" "a job without figures is reported"
is $status 1 "a job without figures is a failure"
# The command's parent is timeout(1), whose parent runs the job.
measure 'command:kill -KILL $(cut -d" " -f4 /proc/$PPID/stat)'
like "$status $err" 'some jobs have no result; see .*/measure/command/engine.log' "a job that was killed is reported"
is "$status" 125 "a measurement without a result for each job ends with status 125"
measure 'command:sleep 60' --timeout 1
like "$out" '^this machine: failed: took longer than 1 seconds' "--timeout ends a job"
"$HS_TOP/scripts/hyperscope" measure --out "$tmp/o" --quiet "command:echo \$\$ >$tmp/job; exec sleep 60" >"$tmp/said" 2>&1 &
wait_until 300 '[ -s "$tmp/job" ]'
ok $? "the job of a measurement has begun" || diag "$(<"$tmp/said")"
kill -KILL $!
{ wait $!; } 2>/dev/null
wait_until 100 'ended "$(<"$tmp/job")"'
ok $? "a measurement that is killed ends its jobs" || diag "$(<"$tmp/said")"

# ---- rows of the bench ----
# Measure in another folder, because a measurement replaces the previous one.
mkdir "$tmp/b"
ln -s "$O"/* "$tmp/b"
rm -f "$tmp/b/measure"
WHERE=$tmp/b measure bench:mmio_read,blk_read_4k --systems bare,hyperscope --toggle mmio_decode --csv "$tmp/csv"
is $status 0 "rows of the bench are measured" || diag "$out" "$err"
like "$out" '^bare cannot measure blk_read_4k\.$' "a row that a system lacks is named"
like "$out" '^mmio_decode=fetch cannot change blk_read_4k\.$' "a row that a toggle cannot change is named, and not measured with it"
is "$(grep -vE '^(log|results|sweep file) ' "$tmp/said" | awk 'length > 80')" "" \
	"only lines with a file's name may be longer than 80 characters"
WHERE=$tmp/b measure payload:fault_loop --systems hyperscope --timeout "$(scaled 3)"
like "$status $(tr '\n' ' ' <"$tmp/b/measure/fault_loop/jobs/00001/log")" '^1 .*\(--timeout\) vCPU  state .* 1\.0   in ' \
	"the log of a job that took too long shows what its vCPUs were doing" || diag "$out" "$err"
timeout --kill-after=5 "$(scaled 120)" "$HS_TOP/scripts/hyperscope" bench --out "$O" bare hyperscope \
	--rows mmio_read,blk_read_4k --toggle mmio_decode --csv "$tmp/bench" >"$tmp/said" 2>&1
same=$(python3 "$HS_TOP/tests/scripts/measured.py" "$tmp/bench" "$tmp/csv" 2>&1)
is "$same" "4 figures and 4 exact medians are the same" "the figures are those of the bench"
done_testing
