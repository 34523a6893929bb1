#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sweep.t - hyperscope sweep refuses an invalid table and names the file and key. Each combination
# is one job, and is run once even if the sweep is interrupted. Failed jobs have rows in the CSV
# too, and a benchmark row has the figures of scripts/hyperscope bench.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/served.sh"
trap 'umount "$tmp/small" 2>/dev/null; rm -rf "$tmp" "$O/sweeps/"{guests,row}-$$' EXIT

sweep()
{
	out=$("$HS_TOP/scripts/hyperscope" sweep "$@" --out "${WHERE:-$tmp/out}" 2>&1)
	status=$?
}
table()	# NAME: write $tmp/NAME.toml from standard input
{
	cat >"$tmp/$1.toml"
}
refused()	# NAME TEXT MESSAGE
{
	printf '%s\n' "$2" >"$tmp/wrong.toml"
	served --plan "$tmp/wrong.toml" --out "$tmp/out"
	like "$status $out" "^2 .*wrong.toml: $3" "refused: $1"
}

# ---- the table ----

python3 -c 'import tomllib' 2>/dev/null || { skip "sweep" "Python before 3.11 cannot read TOML"; done_testing; exit; }
serve python3 sweep
w='workload = "command:true"'
refused "a file that is not TOML" 'name = ' '.*line 1'
refused "a key that does not exist" 'names = "x"' 'names: there is no such key'
refused "a parameter that does not exist" "[parameters]
$w
fastpaths = 'on'" "parameters.fastpaths: there is no such parameter; known parameters: workload, .*fastpath"
refused "a toggle's value that does not exist" '[parameters]
workload = "bench:sbi_version"
gstage_walk = ["iterative", "slow"]' "parameters.gstage_walk: toggle gstage_walk takes iterative or recursive, not 'slow'"
refused "a number that is too large for a toggle" '[parameters]
workload = "bench:sbi_version"
halt_poll_ns = [4294967295, 4294967296]' "parameters.halt_poll_ns: toggle halt_poll_ns takes a number from 0 to 4294967295, not '4294967296'"
refused "a row that does not exist" '[parameters]
workload = ["bench:sbi_version", "bench:sbi_versio"]' "parameters.workload: there is no row 'sbi_versio'"
refused "a row that a system does not have" '[parameters]
workload = "bench:blk_read_4k"
system = "bare"' "parameters.workload: row 'blk_read_4k' is not measured on bare"
refused "a workload of an unknown kind" '[parameters]
workload = "sbi_version"' "parameters.workload: 'sbi_version' is not of the form bench:ROWS"
refused "a parameter that a workload does not have" '[parameters]
workload = "bench:sbi_version"
vcpus = [1, 2]' "parameters.vcpus: bench:sbi_version has no vcpus"
refused "a toggle on Linux" '[[job]]
workload = "bench:sbi_version"
system = ["hyperscope", "linux"]
fastpath = "off"' "job 1.fastpath: only hyperscope has toggles, but this is system linux"
refused "too many vCPUs" '[parameters]
workload = "payload:hello"
vcpus = [1, 65]' "parameters.vcpus: '65' is not a number from 1 to 64"
refused "a value that occurs twice" "[parameters]
$w
argument = [1, 1]" 'parameters.argument: a value occurs twice'
refused "a table without a job" 'name = "x"' 'the file has no jobs'
refused "zero repetitions" "repetitions = 0
[parameters]
$w" 'repetitions: expected an integer from 1 to'
refused "a name that is a path" "name = '../x'
[parameters]
$w" 'name: expected letters, digits'
refused "a payload that does not exist" '[parameters]
workload = "payload:helo 1"' "parameters.workload: there is no payload 'helo'; known payloads: .*hello"
refused "a size that is not a whole number of MiB" '[parameters]
workload = "payload:hello"
memory = "6500k"' "parameters.memory: '6500k' is not a whole number of MiB"
refused "QEMU's word for its list of processors" '[parameters]
workload = "payload:hello"
cpu = "help"' "parameters.cpu: 'help' is not a processor"
refused "a processor that QEMU does not have" '[parameters]
workload = "payload:hello"
cpu = ["rv64", "nope"]' "parameters.cpu: nope: QEMU refuses it: "
refused "a value longer than a program's argument can be" "[parameters]
$w
argument = '$(printf %065537d 1)'" "parameters.argument: 65537 characters"
refused "a number of 5000 digits" "repetitions = $(printf %05000d 1 | tr 0 1)
[parameters]
$w" '.*[Ee]xceeds'
refused "too many opening brackets" "x = $(printf %03000d 0 | tr 0 '[')" '.*recursion'
guest='[parameters]
workload = "guest:true"'
refused "a time to settle that is not a number" "$guest
settle = [5, 'long']" "parameters.settle: 'long' is not a number of seconds from 0 to 3600"
refused "a time to settle for a bench row" '[parameters]
workload = "bench:sbi_version"
settle = 5' "parameters.settle: bench:sbi_version has no settle"
refused "an unknown value for exits" "$guest
exits = 'yes'" "parameters.exits: 'yes' is not one of on, off"
refused "a disk that does not exist" "$guest
disk = '$tmp/none'" "parameters.disk: $tmp/none: no such file; give a size such as 64M"
refused "an empty disk" "$guest
disk = '0M'" "parameters.disk: 0M has 0 bytes"
refused "a disk that is too large" "$guest
disk = '2G'" "parameters.disk: 2G has 2147483648 bytes: a disk needs whole sectors of 512 bytes, at least one, and at most 1024 MiB"
echo text >"$tmp/short"
refused "a disk that does not end with a whole sector" "$guest
disk = '$tmp/short'" "parameters.disk: $tmp/short has 5 bytes"
printf 'workload,argument\ncommand:true,1\ncommand:true\n' >"$tmp/lines.csv"
sweep --plan "$tmp/lines.csv"
like "$status $out" '^2 .*lines.csv: line 3: 1 fields; the header has 2' "an error in a CSV is reported with its line"
printf 'workload,argument\ncommand:true,1\ncommand:true,\ncommand:true,1\n' >"$tmp/lines.csv"
sweep --plan "$tmp/lines.csv"
is "$status $(grep -c '^0' <<<"$out") $(sed -n 3p <<<"$out")" "0 3 00003 workload=command:true argument=1 (2)" \
	"a CSV's lines are jobs, and a repeated line is a repetition"
printf 'workload,argument\ncommand:true,"1' >"$tmp/lines.csv"
sweep --plan "$tmp/lines.csv"
like "$status $out" '^2 .*lines.csv: line 2: unexpected end' "a CSV that is truncated within a field is refused"
printf 'workload,argument\ncommand:true,%0150000d\n' 1 >"$tmp/lines.csv"
sweep --plan "$tmp/lines.csv"
like "$status $out" '^2 .*lines.csv: line 2: field larger' "a field that is too long for a CSV is refused"
printf '\357\273\277workload\r\ncommand:true\r\n' >"$tmp/lines.csv"
sweep --plan "$tmp/lines.csv"
is "$status $(head -n 1 <<<"$out")" "0 00001 workload=command:true (1)" "a spreadsheet's CSV is accepted, although it begins with a byte order mark"
printf '[parameters]\nworkload = "guest:true"\nguest = "image"\n' >"$tmp/image.toml"
: >"$tmp/image"
like "$(cd "$tmp" && sweep --plan image.toml; echo "$out")" "^  guest +$tmp/image$" "a guest's path is relative to the folder in which the sweep is started"
printf '[parameters]\nworkload = ["payload:hello", "guest:true"]\nsystem = ["bare", "hyperscope", "linux"]\n' >"$tmp/settle.toml"
sweep --plan "$tmp/settle.toml"
is "$(sed -n 's/^0.*settle=\([0-9]*\).*/\1/p' <<<"$out" | tr '\n' ' ')" "0 0 5 5 5 5 " "by default, jobs settle where a Linux boots"
for file in "$HS_TOP"/notebooks-data/sweeps/*; do
	sweep --plan "$file"
	is "$status $(grep -c '^0.\{120\}' <<<"$out")" "0 0" "the example ${file##*/} can be planned, with a short line for each job" || diag "$out"
done

{
	echo 'repetitions = 40'
	echo '[parameters]'
	echo 'workload = "bench:sbi_version"'
	echo "halt_poll_ns = [$(seq -s, 0 127)]"
	echo 'gstage_walk = ["iterative", "recursive"]'
} >"$tmp/many.toml"
sweep --plan "$tmp/many.toml"
is "$(grep -c '^[0-9]* workload' <<<"$out")" 10240 "10240 jobs are planned"

# ---- the engines' files ----

mkdir -p "$tmp/bin"
printf '#!/bin/sh\necho "MaxArraySize            = 5"\n' >"$tmp/bin/scontrol"
chmod +x "$tmp/bin/scontrol"
table nine <<END
[parameters]
workload = 'command:echo result number \$ARGUMENT; echo \$ARGUMENT >>$tmp/ran'
argument = [1, 2, 3, 4, 5, 6, 7, 8, 9]
END
PATH=$tmp/bin:$PATH sweep --engine slurm --generate "$tmp/nine.toml"
is "$(ls "$tmp/out/sweeps/nine/slurm" | sed 's/-[0-9a-f]*$//')" "array-1.sbatch
array-2.sbatch
array-3.sbatch
todo" "Slurm's arrays are no larger than its limit"
SLURM_ARRAY_TASK_ID=3 sh "$tmp/out/sweeps/nine/slurm/array-2.sbatch"
like "$(cat "$tmp/out/sweeps/nine/jobs/00008/result.json")" '\["number", "8", ""\]' "a task runs the job on its line"
sweep --engine snakemake --generate "$tmp/nine.toml"
like "$(cat "$tmp/out/sweeps/nine/snakemake/Snakefile")" "sweep --job \{wildcards.id\} $tmp/out/sweeps/nine" "Snakemake's file has a rule that runs a job"
is "$(grep -c . "$tmp/out/sweeps/nine/snakemake/todo")" 8 "Snakemake's list has the jobs that have no result"
: >"$tmp/ran"
sweep --job 00008 "$tmp/out/sweeps/nine"
is "$status $(wc -l <"$tmp/ran")" "0 0" "a job that has a result is not run again"
sweep --job 00010 "$tmp/out/sweeps/nine"
like "$status $out" '^125 .*has no job 00010' "a job that does not exist is refused"
sweep --job 00001 "$tmp/nine.toml"
like "$status $out" '^125 .*nine.toml is not the folder of a sweep' "a job in a folder without a sweep is refused"
HYPERSCOPE_SET=fp=eager sweep --job 00001 "$tmp/out/sweeps/nine"
like "$status $out" '^2 .*HYPERSCOPE_SET is set' "HYPERSCOPE_SET is refused where a job runs"
like "$(cat "$tmp/out/sweeps/nine/slurm/array-1.sbatch")" "^#SBATCH --output=\"$tmp/out/sweeps/nine/engine.log\"" "a task's output is kept"
sweep --engine slurm --sbatch "'" "$tmp/nine.toml"
like "$status $out" '^2 .*--sbatch .: No closing quotation' "an invalid option for sbatch is refused"

sweep --generate "$tmp/nine.toml"
like "$status $out" '^2 .*--generate needs --engine parallel, slurm or snakemake' "the serial engine has no files to generate"
sweep --engine serial --ssh host "$tmp/nine.toml"
like "$status $out" '^2 .*--ssh needs --engine parallel, not --engine serial' "the serial engine refuses --ssh"

# ---- runs, by the serial engine ----

results=$tmp/out/sweeps
columns()	# NAME: print argument, repetition, status and the result's columns of the CSV
{
	python3 -c 'import csv, sys
for row in csv.DictReader(open(sys.argv[1])):
    print(row.get("argument", ""), row["repetition"], row["status"], row["name"], row["value"], row["unit"], row["reason"], sep="|")' \
		"$results/$1/results.csv"
}
sweep "$tmp/nine.toml"
is "$status $(sort -n "$tmp/ran" | tr '\n' ' ')" "0 1 2 3 4 5 6 7 9 " "jobs that a generated task has run are not run again"
is "$(columns nine | sed -n 1,2p)" "1|1|ok|number|1||
2|1|ok|number|2||" "the CSV has a row for each result, in the order of the jobs"
is "$(cat "$results/nine/jobs/00005/log")" "result number 5" "the log of a job that succeeded is kept"
is "$(find "$results/nine/jobs" -type f ! -name result.json ! -name log)" "" "nothing else is left in the jobs' folders"
like "$out" '^  logs: .*sweeps/nine/jobs/ID/log' "the folder of the logs is named"
sweep "$tmp/nine.toml"
is "$status $(wc -l <"$tmp/ran")" "0 8" "a second run of a finished sweep does nothing"
echo '# more' >>"$tmp/nine.toml"
sweep "$tmp/nine.toml"
like "$status $(tr '\n' ' ' <<<"$out")" "^125 .*sweep 'nine' cannot continue, because its file has changed since it began" "a changed file is refused"
sweep --fresh "$tmp/nine.toml"
is "$status $(wc -l <"$tmp/ran")" "0 17" "--fresh starts again"

printf '[parameters]\nworkload = "command:echo result x 1"\n' >"$tmp/blank.toml"
WHERE="$tmp/a b" sweep "$tmp/blank.toml"
is "$status $(grep -c ',x,1,' "$tmp/a b/sweeps/blank/results.csv")" "0 1" "a path may contain a blank" || diag "$out"

if [ "$(id -u)" = 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=1m tmpfs "$tmp/small" 2>/dev/null; then
	printf '[parameters]\nworkload = "command:echo result x 1; head -c 2000000 /dev/zero; echo result y 2; true"\n' >"$tmp/full.toml"
	WHERE="$tmp/small" sweep "$tmp/full.toml"
	like "$status $(tr '\n' ' ' <<<"$out")" '^125 .*full/results.csv: 0 of 1 job, 0 failed .*1 job without a result' "a job whose result did not fit on the disk has no result"
	like "$(<"$tmp/small/sweeps/full/engine.log")" 'No space left on device' "the engine's log names the full disk"
else
	skip "a job whose result did not fit on the disk has no result" "mounting a file system needs root"
fi

# ---- ends of guests ----

# The output of a guest shows whether it has ended normally.
failure()	# KIND STATUS TEXT: print why a payload or a guest that ended like this has failed
{
	PYTHONPATH=$HS_TOP/scripts python3 -c 'import sys
from hs.sweep import workloads
print(workloads.KINDS[sys.argv[1]].failure(int(sys.argv[2]), sys.argv[3]))' "$@"
}
is "$(failure payload 0 $'ok 1 - a\r\nok 2 - b\r\n1..2\r\n')" "" "a payload that prints its plan has ended normally"
is "$(failure payload 0 $'result x 1\n')" "" "a payload without claims needs no plan"
is "$(failure payload 0 $'ok 1 - a\nok 2 - b\n')" "the payload ended before its last claim" "a payload without its plan has failed"
is "$(failure payload 0 $'ok 1 - a\n1..2\n')" "the payload ended before its last claim" "a payload with fewer claims than its plan has failed"
is "$(failure payload 1 $'ok 1 - a\nnot ok 2 - b\n1..2\n')" "a claim of the payload does not hold: not ok 2 - b" "a claim that does not hold is a failure"
is "$(failure payload 2 $'ok 1 - a\r\nBail out! boot argument n=x: bad\r\n')" "the payload ended with: boot argument n=x: bad" "a payload's own reason is given"
is "$(failure guest 0 $'> sweep: the command ended with status 0\r\n')" "" "a guest whose command succeeded has ended normally"
is "$(failure guest 124 $'sweep: the command ended with status 124\n')" "the command ended with status 124 in the guest" "the status of a guest's command is reported"
is "$(failure guest 141 $'sweep: the command ended with status 141\n')" "the command ended with status 141 (Broken pipe) in the guest" "a status that stands for a signal is explained"
is "$(failure guest 0 $'result x 1\n')" "the guest ended before its command ended" "a guest that does not report the end of its command has failed"
is "$(PYTHONPATH=$HS_TOP/scripts python3 -c 'from hs.sweep import workloads
whole = lambda text: workloads.outcome(0, text, 9, "", "", [("exits", "1", "")],
                                       workloads.KINDS["guest"].whole({"time": "counted"}, text)).results
took = "sweep: the command took 1200 ns\r\n"
print(whole(took), whole("result x 1\n" + took), whole("x"))')" \
	"[('command', '1200', 'instructions'), ('exits', '1', '')] [('x', '1', ''), ('exits', '1', '')] [('exits', '1', '')]" \
	"what the whole command takes is the result of a guest that prints none"

is "$(PYTHONPATH=$HS_TOP/scripts python3 -c 'import sys
from hs.sweep import workloads
for result in workloads.exits_in(sys.argv[1]):
    print(*result)' $'vmm: counter exits 99\r\nBye.vmm: counter csr_exit_user 2\nvmm: counter halt_wakeup 3\nvmm: counter exits 5\n')" \
	"exits 5 exits
exits.csr_user 2 exits" "a guest's earlier line of the same name is not a counter, and its unfinished line hides none"

# A guest image of zeros cannot boot, but its row still identifies the file by its checksum.
if [ -f "$O/guest-initrd.cpio" ] && [ -f "$O/vmm" ]; then
	# Keep these results beside the build, because the jobs need its files.
	guests=guests-$$
	head -c 4096 /dev/zero >"$tmp/image"
	cat >"$tmp/guests.toml" <<-END
		name = "$guests"
		timeout = $(scaled 120)
		[[job]]
		workload = """guest:echo "result arg\$ARGUMENT \$(cat /sys/block/vda/size)"; now; echo result uptime \$((now / 1000000000)); cmp -n 1000 /dev/vda /dev/zero"""
		argument = "it's"
		settle = 10
		disk = "8M"
		exits = "on"
		[[job]]
		workload = "guest:true"
		guest = "$tmp/image"
		[[job]]
		workload = "payload:spinning limit_us=1"
		harts = 1
		vcpus = 2
		[[job]]
		workload = "payload:vmm_disk"
		disk = "1M"
		exits = "on"
	END
	"$HS_TOP/scripts/hyperscope" sweep --quiet --jobs 2 --out "$O" "$tmp/guests.toml" >"$tmp/said" 2>&1
	fields()	# COLUMN... < results.csv: print these columns of each row
	{
		python3 -c 'import csv, sys
for row in csv.DictReader(sys.stdin):
    print("|".join(row[name] for name in sys.argv[1:]))' "$@"
	}
	fields workload settle observation status reason name value <"$O/sweeps/$guests/results.csv" >"$tmp/rows"
	like "$(<"$tmp/rows")" "\|10\|none\|ok\|\|argit's\|16384" "a guest has its argument, and a disk of its own, which is empty" ||
		diag "$(tail -n 20 "$O/sweeps/$guests/jobs/00001/log")"
	like "$(<"$tmp/rows")" '\|ok\|\|uptime\|1[0-9]$' "a guest settles before its command"
	like "$(<"$tmp/rows")" '\|ok\|\|exits.mmio_user\|[1-9][0-9]*$' "exits of a guest are counted by kind"
	like "$(grep spinning "$tmp/rows")" '\|0\|none\|failed\|a claim of the payload does not hold: not ok [0-9].*\|\|$' \
		"a payload whose claim does not hold is a failure" || diag "$(<"$tmp/rows")"
	like "$(grep vmm_disk "$tmp/rows")" '\|ok\|\|exits\|[1-9][0-9]*$' "exits of a payload are counted" ||
		diag "$(tail -n 20 "$O/sweeps/$guests/jobs/00004/log")"
	is "$(fields kernel <"$O/sweeps/$guests/results.csv" | sed -n 's/.*, guest //p' | sort -u)" "Linux $(<"$O/guest/version")
image $(sha256sum <"$tmp/image" | cut -c1-12)" "a row names its guest's kernel" || diag "$(<"$tmp/said")"
else
	skip "ends of guests" "$O/guest-initrd.cpio or $O/vmm is missing"
fi

# Damaged files.
plan=$results/nine/plan.json result=$results/nine/jobs/00003/result.json
for file in "$plan" "$result" "$results/nine/jobs.csv"; do
	cp "$file" "$tmp/whole"
	head -c 20 "$tmp/whole" >"$file"
	sweep "$tmp/nine.toml"
	like "$status $out" "^125 .*$file was not written by a sweep, or is damaged; " "a truncated ${file##*/} is reported"
	[ "$file" != "$result" ] || {
		printf '[%.0s' {1..100000} >"$file"
		sweep "$tmp/nine.toml"
		like "$status $out" "^125 .*$file was not written by a sweep, or is damaged; " "a deeply nested ${file##*/} is reported"
	}
	cp "$tmp/whole" "$file"
done
while read -r file key value; do
	cp "$file" "$tmp/whole"
	python3 -c 'import json, sys
found = dict(json.load(open(sys.argv[1])), **{sys.argv[2]: json.loads(sys.argv[3])})
json.dump(found, open(sys.argv[1], "w"))' "$file" "$key" "$value"
	sweep "$tmp/nine.toml"
	like "$status $out" "^125 sweep: $file was not written by a sweep, or is damaged; " "a ${file##*/} whose $key is $value is reported"
	cp "$tmp/whole" "$file"
done <<END
$plan files 3
$plan made_with 3
$plan columns 3
$plan columns [[1]]
$result results 7
$result results [["a","1"]]
$result results [["a",1,""]]
$result reason 7
$result seconds "x"
END
mv "$plan" "$tmp/whole"
sweep "$tmp/nine.toml"
like "$status $out" '^125 .*nine has results, but no plan; use --fresh to start again' "results without their plan are refused"
mv "$tmp/whole" "$plan"
sweep "$tmp/nine.toml"
is "$status $(wc -l <"$tmp/ran")" "0 17" "a sweep with its files restored has nothing to do"
mkdir "$results/nine/jobs/99999"
echo "4242 elsewhere" >"$results/nine/jobs/99999/lock"
flock "$results/nine/jobs/99999/lock" "$HS_TOP/scripts/hyperscope" sweep --fresh "$tmp/nine.toml" --out "$tmp/out" >"$tmp/said" 2>&1
like "$? $(<"$tmp/said")" '^125 .*jobs of this sweep are still running \(process 4242 on elsewhere\)' "--fresh is refused while a job of the sweep runs"

most=$(scaled 1)
table fails <<END
timeout = $most
repetitions = 1
[[job]]
workload = 'command:echo result a 1 ms; echo my reason; test -e $tmp/mended'
[[job]]
workload = 'command:sleep 1d'
repetitions = 1
[[job]]
workload = 'command:echo result b -2.5e3; echo noresult c 1; echo results x; echo result e .5'
[[job]]
workload = 'command:echo result f 1; echo result g -nan'
[[job]]
workload = 'command:trap "" TERM; while :; do sleep 1; done'
[[job]]
workload = 'command:sleep 1d & echo \$! >$tmp/behind; printf "result h\\0 1"'
[[job]]
workload = 'command:echo result i 1; false; echo result j 2'
[[job]]
workload = 'command:echo result k \$(cat $tmp/none) x'
[[job]]
workload = 'command:printf "result l 1\\r\\r\\nresult m 2\\r3\\n"'
[[job]]
workload = 'command:printf "result n 1\\nresult\\to\\t2\\n"'
[[job]]
workload = 'command:echo result p 1; echo result'
[[job]]
workload = 'command:echo result q 1; exit 124'
END
sweep "$tmp/fails.toml"
is "$status:$(columns fails)" "1:|1|failed||||ended with status 1
|1|failed||||took longer than $most seconds (timeout)
|1|ok|b|-2.5e3||
|1|ok|e|.5||
|1|failed||||result g is -nan
|1|failed||||took longer than $most seconds (timeout)
|1|failed||||'h\\x00' is not a valid name for a result
|1|failed||||ended with status 1
|1|failed||||'result k x' is not of the form 'result NAME NUMBER [UNIT]'
|1|failed||||'result m 2\\r3' is not of the form 'result NAME NUMBER [UNIT]'
|1|failed||||'result\\to\\t2' is not of the form 'result NAME NUMBER [UNIT]'
|1|failed||||'result' is not of the form 'result NAME NUMBER [UNIT]'
|1|failed||||ended with status 124" "failures are rows, with their reasons and without figures"
wait_until 50 'ended "$(<"$tmp/behind")"'
ok $? "processes that a job leaves behind end with the job"
like "$(cat "$results/fails/jobs/00001/log")" '^my reason$' "the log of a failed job is kept"
like "$out" 'job 00001: ended with status 1; .*jobs/00001/log' "the log of a failed job is named"
touch "$tmp/mended"
before=$(stat -c %y "$results/fails/jobs/00003/result.json")
sweep --retry "$tmp/fails.toml"
is "$status $(columns fails | cut -d'|' -f3 | uniq | tr '\n' ' ')$(ls "$results/fails/jobs/00001" | tr '\n' ' ')" "1 ok failed ok failed log result.json " "--retry runs the failed jobs again"
is "$(stat -c %y "$results/fails/jobs/00003/result.json")" "$before" "--retry does not run other jobs again"

table alone <<END
[parameters]
workload = 'command:mkdir $tmp/alone || exit 1; sleep 0.2; rmdir $tmp/alone'
argument = [1, 2, 3]
END
sweep "$tmp/alone.toml"
is $status 0 "without --jobs, jobs run one after the other" || diag "$out"
table both <<END
timeout = $(scaled 60)
[parameters]
workload = 'command:touch $tmp/at-\$ARGUMENT; until [ -e $tmp/at-1 ] && [ -e $tmp/at-2 ]; do sleep 0.1; done'
argument = [1, 2]
END
sweep --jobs 2 "$tmp/both.toml"
is $status 0 "--jobs 2 runs two jobs at a time" || diag "$out"

# A fake Slurm: its first task cannot be started and is held until scancel removes it.
printf '#!/bin/sh\necho 7; if [ -e %s ]; then SLURM_ARRAY_TASK_ID=0 sh "$3"; else touch %s %s; fi\n' "$tmp/second" "$tmp/second" "$tmp/held" >"$tmp/bin/sbatch"
printf '#!/bin/sh\n[ ! -e %s ] || echo "launch failed requeued held"\n' "$tmp/held" >"$tmp/bin/squeue"
printf '#!/bin/sh\nrm -f %s\n' "$tmp/held" >"$tmp/bin/scancel"
chmod +x "$tmp/bin/"*
printf '[parameters]\nworkload = "command:echo result x 1"\n' >"$tmp/held.toml"
PATH=$tmp/bin:$PATH timeout "$(scaled 60)" "$HS_TOP/scripts/hyperscope" sweep --engine slurm "$tmp/held.toml" --out "$tmp/out" >"$tmp/said" 2>&1
is $? 0 "a task that Slurm could not start and holds is submitted again" || diag "$(<"$tmp/said")"

table killed <<END
[parameters]
workload = 'command:kill -KILL \$(pgrep -f "sweep --job 00001 $results/killed")'
END
sweep "$tmp/killed.toml"
like "$status $(tr '\n' ' ' <<<"$out")" '^125 .*1 job without a result after .*; their processes were killed' "a job that was killed has no result"
# Each job writes a line at its end, so a job that runs twice writes two. The sweep is interrupted
# when jobs 1 and 2 have results, while jobs 3 and 4 wait.
table slow <<END
[parameters]
workload = 'command:until [ \$ARGUMENT -le 2 ] || [ -e $tmp/go ]; do sleep 0.1; done; echo \$ARGUMENT >>$tmp/slow'
argument = [1, 2, 3, 4]
END
: >"$tmp/slow"
# Start the sweep in its own session. A background job of bash ignores SIGINT, so restore its default.
env --default-signal=INT setsid "$HS_TOP/scripts/hyperscope" sweep --jobs 2 "$tmp/slow.toml" --out "$tmp/out" >"$tmp/said" 2>&1 &
pid=$!
wait_until 300 '[ -e "$results/slow/jobs/00001/result.json" ] && [ -e "$results/slow/jobs/00002/result.json" ]'
ok $? "the first two jobs of a sweep have results while the others wait" || diag "$(<"$tmp/said")"
sweep "$tmp/slow.toml"
like "$status $out" '^125 .*another sweep is running in this folder' "a second sweep in the same folder is refused"
sleep 60 &
other=$!
mkdir "$results/slow/jobs/99999"
echo "$other elsewhere" >"$results/slow/jobs/99999/lock"
flock "$results/slow/jobs/99999/lock" sleep 60 &
holder=$!
kill -INT $pid
wait $pid
is "$?" 130 "Ctrl-C ends a sweep" || diag "$(<"$tmp/said")"
is "$(find "$results/slow/jobs" -name work)" "" "the jobs of a sweep that Ctrl-C ends leave no files"
is "$(pgrep -f "sweep --job .* $results/slow")" "" "Ctrl-C ends a sweep's jobs"
kill -0 $other
ok $? "Ctrl-C does not end a process whose number is in another machine's lock"
kill $other "$(pgrep -P $holder)"
touch "$tmp/go"
finished=$(cd "$results/slow/jobs" && for id in */result.json; do [ ! -e "$id" ] || echo $((10#${id%%/*})); done)
sweep "$tmp/slow.toml"
is "$status $(sort -nu "$tmp/slow" | tr '\n' ' ')$(columns slow | grep -c ok)" "0 1 2 3 4 4" "the sweep continues after Ctrl-C: all jobs have run" || diag "$out"
is "${finished:-none}:$(sort -n "$tmp/slow" | uniq -d | grep -xF "${finished:-none}")" $'1\n2:' "the sweep continues after Ctrl-C: a job that had a result is not run again"

# ---- a row of the bench ----

table row <<END
name = "row-$$"
[parameters]
workload = "bench:sbi_version"
fastpath = ["off"]
END
"$HS_TOP/scripts/hyperscope" sweep --quiet --out "$O" --fresh "$tmp/row.toml" >"$tmp/said" 2>&1
is $? 0 "a benchmark row can be a job" || diag "$(<"$tmp/said")"
"$HS_TOP/scripts/hyperscope" bench --out "$O" --rows sbi_version --set fastpath=off --csv "$tmp/bench.csv" >/dev/null 2>&1
python3 - "$O/sweeps/row-$$/results.csv" "$tmp/bench.csv" >"$tmp/said" <<'END'
import csv, sys
ours, bench = (list(csv.DictReader(open(path))) for path in sys.argv[1:])
same = ("cpu", "system", "unit", "commit", "images", "qemu", "qemu_flags", "opensbi", "kernel", "compiler", "binutils")
print([name for name in same if ours[0][name] != bench[0][name]], ours[0]["value"] == bench[0]["p50"],
      ours[1]["name"], ours[1]["value"] == bench[0]["instret"], ours[0]["fastpath"], len(ours))
END
is "$(<"$tmp/said")" "[] True sbi_version.instret True off 2" "a benchmark row has the figures and facts of scripts/hyperscope bench"
done_testing
