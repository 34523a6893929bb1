#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sweep.slow.t - with each installed engine, hyperscope sweep gives the same CSV to the byte,
# except for the columns host and seconds. A step that fails in a guest is a failure on each system,
# and each job has its own disk. If the sweep, its engine, its jobs or Slurm's daemons are killed
# half-way, or Ctrl-C interrupts the sweep, it can be continued: no result is lost, and no finished
# job is run again. The test starts and ends its own sshd, and its own Slurm with one node.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

python3 -c 'import tomllib' 2>/dev/null || { skip "sweep" "Python before 3.11 cannot read TOML"; done_testing; exit; }
results=$O/sweeps
table=$tmp/same.toml
name=slow-test-$$
cat >"$table" <<END
name = "$name"
[parameters]
workload = ["bench:sbi_version", "bench:mmio_read"]
fastpath = ["on", "off"]
[[job]]
workload = 'command:echo result argument \$ARGUMENT; [ \$ARGUMENT != 4 ]'
argument = [1, 2, 3, 4, 5]
[[job]]
workload = "payload:hello"
system = ["bare", "hyperscope"]
END
ended=()
trap 'for pid in "${ended[@]}"; do kill -KILL "$pid" 2>/dev/null; done; rm -rf "$tmp" "$results/$name"{,-g,-k}' EXIT

sweep()
{
	out=$("$HS_TOP/scripts/hyperscope" sweep --out "$O" "$@" 2>&1)
	status=$?
}
same()	# ENGINE OPTION...: claim that ENGINE measures the same as the engine of the first call
{
	sweep --fresh "$table" "${@:2}"
	is $status 1 "$1 runs the sweep, in which one job fails" || diag "$out"
	cut_csv "$results/$name/results.csv" >"$tmp/$1.csv"
	[ -e "$tmp/first.csv" ] || cp "$tmp/$1.csv" "$tmp/first.csv"
	cmp "$tmp/first.csv" "$tmp/$1.csv" >"$tmp/said"
	ok $? "$1 gives the figures of the first engine, to the byte" || diag "$(diff "$tmp/first.csv" "$tmp/$1.csv" | head)"
	is "$(wc -l <"$tmp/$1.csv")" 16 "$1: the CSV has all results"
}
cut_csv()	# CSV: print it without the columns host and seconds
{
	python3 -c 'import csv, sys
rows = csv.reader(open(sys.argv[1], newline=""))
head = next(rows)
keep = [i for i, name in enumerate(head) if name not in ("host", "seconds")]
for row in [head] + list(rows):
    csv.writer(sys.stdout, lineterminator="\n").writerow([row[i] for i in keep])' "$1"
}

# The sweep to be killed half-way has 24 jobs, each of which writes a line at its end.
# A background job of bash ignores SIGINT, so restore its default.
begin()	# ENGINE [COMMAND...]: start the sweep in its own session, under COMMAND, and wait until some jobs are done
{
	cat >"$tmp/killed.toml" <<-END
		name = "$name-k"
		[parameters]
		workload = 'command:sleep 0.5; echo \$ARGUMENT >>$tmp/ran; echo result x \$ARGUMENT'
		argument = [$(seq -s, 1 24)]
	END
	rm -rf "$results/$name-k"
	: >"$tmp/ran"
	env --default-signal=INT "${@:2}" setsid "$HS_TOP/scripts/hyperscope" sweep --out "$O" --jobs 2 --engine "$1" "$tmp/killed.toml" >"$tmp/said" 2>&1 &
	pid=$!
	wait_until 600 '[ "$(wc -l <"$tmp/ran")" -ge 5 ]'
}
descendants()	# PID: print its descendants
{
	local child
	for child in $(pgrep -P "$1"); do
		descendants "$child"
		echo "$child"
	done
}
remember()	# write to $tmp/before the names and times of all results so far
{
	(cd "$results/$name-k/jobs" && find . -name result.json -exec stat -c '%n %y' {} + | sort) >"$tmp/before"
}
goes_on()	# ENGINE NAME: claim that the sweep continues to its end
{
	sweep --engine "$1" "$tmp/killed.toml"
	is "$status $(sed 1d "$results/$name-k/results.csv" | grep -c ',1,ok,,x,')" "0 24" "$2: the sweep continues, and all results are there" || diag "$out"
	(cd "$results/$name-k/jobs" && find . -name result.json -exec stat -c '%n %y' {} + | sort) >"$tmp/after"
	is "$(comm -23 "$tmp/before" "$tmp/after")" "" "$2: earlier results are not changed"
}
once()	# claim that the killed sweep has run each job once
{
	is "$(sort -n "$tmp/ran" | tr '\n' ' ')" "$(seq -s' ' 1 24) " "each job was run once"
}

# ---- guests on each system ----

if qemu_breaks_linux_kvm; then
	skip "guests on each system" "$linux_kvm_is_broken"
else
	# Each job overwrites its own copy of the disk, so that a job that shared it would fail.
	(printf 'first\n'; head -c 65530 /dev/zero) >"$tmp/disk"
	cat >"$tmp/guests.toml" <<END
name = "$name-g"
repetitions = 2
[[job]]
workload = "guest:echo result x 1; dd if=/nonexistent of=/dev/null; echo result y 2"
system = ["bare", "hyperscope", "linux"]
repetitions = 1
[[job]]
workload = "guest:poweroff; sleep 100"
repetitions = 1
settle = 0
[[job]]
workload = "guest:grep -q first /dev/vda; echo second | dd of=/dev/vda conv=fsync; echo result sectors \$(cat /sys/block/vda/size)"
system = ["bare", "hyperscope", "linux"]
disk = "$tmp/disk"
exits = "on"
END
	sweep --quiet --jobs 2 "$tmp/guests.toml"
	like "$status $(tr '\n' ' ' <<<"$out")" '^1 .*10 of 10 jobs, 4 failed' "the guests run, and four of them fail" || diag "$out"
	python3 - "$results/$name-g/results.csv" >"$tmp/said" <<'END'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
print(*(row["system"] + ":" + row["reason"] + row["value"] for row in rows if row["status"] == "failed"), sep="\n")
print(*sorted({(row["system"], row["value"], row["settle"]) for row in rows if row["name"] == "sectors"}), sep="\n")
counts = {}
for row in rows:
    if row["name"].startswith("exits"):
        counts.setdefault((row["system"], row["name"]), []).append(row["value"])
print(sorted({system for system, _ in counts}), all(len(set(values)) == 1 for values in counts.values()))
END
	is "$(<"$tmp/said")" "bare:the command ended with status 1 in the guest
hyperscope:the command ended with status 1 in the guest
linux:the command ended with status 1 in the guest
hyperscope:the guest ended before its command ended
('bare', '128', '5')
('hyperscope', '128', '5')
('linux', '128', '5')
['hyperscope', 'linux'] True" "on each system, a failed step gives no figure, nor does a guest that powers off too early, a job has its own copy of the disk, and numbers of exits repeat" || diag "$out"
	is "$(head -c 5 "$tmp/disk")" first "the image of a disk is not changed"
fi

# ---- the serial engine and GNU parallel ----

for engine in serial parallel; do
	if [ $engine = parallel ] && ! command -v parallel >/dev/null; then
		skip "GNU parallel" "it is not installed: scripts/hyperscope setup sweep"
		continue
	fi
	same $engine --engine $engine
	begin $engine
	all="$(descendants $pid) $pid"
	kill -STOP $pid
	remember
	# shellcheck disable=SC2086
	kill -KILL $all 2>/dev/null
	wait $pid
	[ "$(wc -l <"$tmp/before")" -ge 2 ]
	ok $? "$engine: the sweep was killed together with its jobs after some of them were done" || diag "$(<"$tmp/said")"
	goes_on $engine "$engine, killed with its jobs"
	is "$(sort -nu "$tmp/ran" | wc -l)" 24 "$engine: each job was run"

	begin $engine
	kill -KILL $pid
	{ wait $pid; } 2>/dev/null
	wait_until 100 '! pgrep -f "sweep --job .* $results/$name-k" >/dev/null'
	[ "$(wc -l <"$tmp/ran")" -lt 24 ]
	ok $? "$engine: after a sweep is killed, no more jobs are started"
	remember
	goes_on $engine "$engine, killed without its jobs"

	begin $engine
	kill -INT $pid
	wait $pid
	is "$?" 130 "$engine: Ctrl-C ends a sweep" || diag "$(<"$tmp/said")"
	is "$(find "$results/$name-k/jobs" -name work)" "" "$engine: the jobs of a sweep that Ctrl-C ends leave no files"
	is "$(pgrep -f "sweep --job .* $results/$name-k")" "" "$engine: Ctrl-C ends a sweep's jobs"
	remember
	goes_on $engine "$engine, after Ctrl-C"

	begin $engine nohup
	kill -HUP $pid
	wait $pid
	is "$? $(wc -l <"$tmp/ran")" "0 24" "$engine: a sweep under nohup survives the end of its terminal" || diag "$(<"$tmp/said")"

	[ $engine = parallel ] || continue
	begin parallel
	kill -KILL "$(pgrep -P $pid)"
	wait $pid
	like "$? $(tr '\n' ' ' <"$tmp/said")" '^125 .*GNU parallel was ended by signal 9' "an engine that is killed is reported"
	remember
	goes_on parallel "GNU parallel killed"
done

# ---- Snakemake ----

if command -v snakemake >/dev/null; then
	same snakemake --engine snakemake
	begin snakemake
	kill -KILL "$(pgrep -P $pid)"
	wait $pid
	like "$? $(tr '\n' ' ' <"$tmp/said")" '^125 .*Snakemake was ended by signal 9' "a Snakemake that was killed is reported"
	remember
	goes_on snakemake "Snakemake killed"
	once
else
	skip "Snakemake" "it is not installed"
fi

# ---- over ssh ----

if command -v sshd >/dev/null && command -v parallel >/dev/null; then
	mkdir -p "$tmp/ssh" /run/sshd 2>/dev/null
	ssh-keygen -q -t ed25519 -N '' -f "$tmp/ssh/host"
	ssh-keygen -q -t ed25519 -N '' -f "$tmp/ssh/user"
	cp "$tmp/ssh/user.pub" "$tmp/ssh/authorized"
	port=$((20000 + $$ % 20000))
	"$(command -v sshd)" -D -e -f /dev/null -p $port -h "$tmp/ssh/host" -o "AuthorizedKeysFile=$tmp/ssh/authorized" \
		-o StrictModes=no -o PidFile=none -o UsePAM=no -o ListenAddress=127.0.0.1 2>"$tmp/ssh/log" &
	ended+=($!)
	cat >"$tmp/ssh/run" <<-END
		#!/bin/sh
		exec ssh -p $port -i $tmp/ssh/user -o StrictHostKeyChecking=no -o UserKnownHostsFile=$tmp/ssh/known \
			-o BatchMode=yes -o LogLevel=ERROR "\$@"
	END
	chmod +x "$tmp/ssh/run"
	wait_until 50 '"$tmp/ssh/run" 127.0.0.1 true 2>/dev/null'
	PARALLEL_SSH=$tmp/ssh/run same ssh --ssh "2/127.0.0.1"
	like "$(<"$tmp/ssh/log")" 'Accepted publickey' "the jobs run over ssh"
	like "$(cat "$results/$name/todo")" '^[A-Za-z0-9_=-]+$' "GNU parallel's list has only the encoded jobs"
else
	skip "over ssh" "sshd or GNU parallel is not installed"
fi

# ---- Slurm ----

slurm_start()	# start Slurm's daemons, with this machine as the node
{
	slurmctld -D >"$slurm/ctld" 2>&1 &
	ctld=$!
	slurmd -D -N localhost >"$slurm/slurmd" 2>&1 &
	slurmd=$!
	ended+=("$ctld" "$slurmd")
	for _ in $(seq "$(scaled 60)"); do
		sinfo -h -o %t 2>/dev/null | grep -qE 'idle|mix|alloc' && return
		sleep 0.5
	done
	return 1
}
if [ "$(id -u)" = 0 ] && command -v slurmctld slurmd munged sbatch >/dev/null; then
	slurm=$(mktemp -d /tmp/slurm.XXXXXX)	# a socket's path must be short
	trap 'for pid in "${ended[@]}"; do kill -KILL "$pid" 2>/dev/null; done; rm -rf "$tmp" "$slurm" "$results/$name"{,-g,-k}' EXIT
	mkdir "$slurm/state" "$slurm/spool"
	chmod 755 "$slurm"
	head -c 128 /dev/urandom >"$slurm/key"
	chmod 600 "$slurm/key"
	munged --foreground --force --key-file="$slurm/key" --socket="$slurm/munge" --pid-file="$slurm/munge.pid" \
		--log-file="$slurm/munge.log" --seed-file="$slurm/seed" >/dev/null 2>&1 &
	ended+=($!)
	port=$((40000 + $$ % 10000))
	cat >"$slurm/slurm.conf" <<-END
		ClusterName=sweep
		SlurmctldHost=localhost
		SlurmUser=root
		SlurmctldPort=$port
		SlurmdPort=$((port + 1))
		AuthType=auth/munge
		AuthInfo=socket=$slurm/munge
		CredType=cred/munge
		StateSaveLocation=$slurm/state
		SlurmdSpoolDir=$slurm/spool
		SlurmctldPidFile=$slurm/ctld.pid
		SlurmdPidFile=$slurm/slurmd.pid
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		JobAcctGatherType=jobacct_gather/none
		SchedulerType=sched/builtin
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU
		MpiDefault=none
		ReturnToService=2
		SlurmdTimeout=15
		BatchStartTimeout=5
		MaxArraySize=8
		MinJobAge=2
		NodeName=localhost CPUs=2 State=UNKNOWN
		PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
	END
	export SLURM_CONF=$slurm/slurm.conf
	sleep 1
	slurm_start
	ok $? "Slurm starts" || diag "$(tail -n 5 "$slurm/ctld" "$slurm/slurmd" 2>&1)"
	same slurm --engine slurm

	begin slurm
	kill -KILL $ctld $slurmd
	remember
	# When its daemons are killed, Slurm loses the last seconds of its state. Only once, after
	# 15 s, does it look for tasks that its node has lost, so wait longer than that.
	sleep 20
	slurm_start
	ok $? "Slurm's daemons start again after they were killed" || diag "$(tail -n 5 "$slurm/ctld" "$slurm/slurmd" 2>&1)"
	# If a task outlived the daemons, Slurm drains the node until an administrator resumes it.
	for _ in $(seq "$(scaled 200)"); do
		kill -0 $pid 2>/dev/null || break
		! sinfo -h -o %t 2>/dev/null | grep -q drain || scontrol update NodeName=localhost State=RESUME
		sleep 1
	done
	kill -TERM $pid 2>/dev/null
	wait $pid
	is "$? $(sed 1d "$results/$name-k/results.csv" | grep -c ',1,ok,,x,')" "0 24" "the sweep continues to its end after Slurm's daemons were killed" ||
		diag "$(<"$tmp/said")"
	once
	begin slurm
	remember
	kill -KILL $pid
	wait $pid
	goes_on slurm "the sweep killed, but not Slurm's tasks"
	once
	begin slurm
	kill -TERM $pid
	wait $pid
	is "$?" 143 "SIGTERM ends a sweep on Slurm"
	is "$(squeue -h -t pending | wc -l)" 0 "a sweep that SIGTERM ends cancels its pending tasks"
	remember
	goes_on slurm "the sweep ended by SIGTERM"
else
	skip "Slurm" "slurm-wlm is not installed, or the test does not run as root"
fi
done_testing
