#!/bin/bash
# SPDX-License-Identifier: MIT
#
# exec.t - a program on the host has the launcher's standard files, and the launcher returns its status.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
progs=$O/tests/progs

hs exec --quiet --env HS_WORD="two words" --env HS_FILE=/etc/greeting --file "$tmp/in:/etc/greeting" \
	"$progs/tellfiles" one "two three" ""
is "$status" 125 "a --file that does not exist is refused"
echo "good day" >"$tmp/greeting"
hs exec --quiet --env HS_WORD="two words" --env HS_FILE=/etc/greeting \
	--file "$tmp/greeting:/etc/greeting" "$progs/tellfiles" one "two three" ""
is "$status" 0 "a program runs"
is "$out" "argv[0]=/tellfiles
argv[1]=one
argv[2]=two three
argv[3]=
isatty(0)=0
isatty(1)=0
isatty(2)=0
HS_WORD=two words
file /etc/greeting: good day" "the program has its arguments, environment and files, and no terminal"
is "$err" "to stderr" "with --quiet, only the program's output is printed"

hs exec --quiet "$progs/ends" exit 42
is "$status" 42 "the program's exit status is returned"
hs exec --quiet "$progs/ends" signal 15
is "$status" 143 "a program that signal N ended gives status 128 + N"
hs exec --quiet --timeout "$(scaled 2)" "$progs/ends" never
is "$status" 124 "--timeout ends a program with status 124"
is "$(left_running)" "" "--timeout leaves nothing running"
like "$err" '^thread [0-9]+ \(ends\): asleep$' "after a time-out, the program's thread is shown"
hello=$O/guest-payloads/hello.bin
hs exec "$O/vmm" "$hello" --append a=b
is "$status" 100 "an option of the VMM after IMAGE is refused"
like "$err" "^vmm: --append a=b comes after IMAGE $hello; put every option before IMAGE\$" \
	"the refusal names the option, its value and the remedy"
like "$err" "^hyperscope: $hello is a file of this computer; .* --file $hello before PROGRAM .* /hello\.bin\$" \
	"after a failure, --file is suggested for an argument that is a file of this computer"
hs exec --file "$hello" "$O/vmm" "$hello"
like "$err" "^hyperscope: $hello is .*; on the host, its name is /hello\.bin\$" "a copied file's name on the host is given"
fault_loop=$O/guest-payloads/fault_loop.bin
hs exec --timeout "$(scaled 3)" --file "$fault_loop" "$O/vmm" --watchdog 0 --vcpus 1 --append how=nowhere /fault_loop.bin
is "$status" 124 "--timeout ends a VMM whose guest does nothing but fault"
# The machine is stopped at any moment of the loop: while the guest runs or its exit is handled, with the class of the
# exit known or not yet, or after an interrupt of the host, which is an exit too.
like "$err" '^1\.0   in (guest, hart [01]|the hypervisor) +VS   0x1000 +(trap given to guest|inst_guest_page_fault|irq_s_[a-z]+)$' \
	"after a time-out, a vCPU's state, mode, pc and last exit are shown"
like "$err" '^      [0-9]+ exits while it was watched .* all at this pc' \
	"without a trace, samples show that a vCPU takes the same exit again and again"
like "$err" "^sbi, user space +[1-9]" "the exits of a VM that the program ran are shown on standard error"
counts=$(sed -n 's/^exit counts: \(.*\) (--trace .*/\1/p' <<<"$err")
like "$("$O/hstrace" stat "$counts" 2>&1)" "^sbi, user space +[1-9]" "the file with the exits' counts is named"
is "$out" "lost" "standard output is the program's alone"
if [ -f "$O/guest/busybox" ]; then
	cat >"$tmp/guests" <<-'END'
		for how in handler nowhere stop wait; do
			/vmm --quiet --watchdog 0 --vcpus 2 --memory 16M --append how=$how /fault_loop.bin >/said.$how &
			until [ $how = wait ] || grep -q lost /said.$how; do sleep 0.1; done
			[ $how != stop ] || kill -STOP $!
		done
		wait
	END
	hs exec --quiet --harts 4 --trace kvm_exit --timeout "$(scaled 4)" --file "$tmp/guests" --file "$O/vmm" \
		--file "$fault_loop" "$O/guest/busybox" sh /guests
	# While the exit of an interrupt is handled, the guest's registers are not in the hart.
	like "$(tr '\n' ' ' <<<"$err")" '1\.0   in (guest, hart [0-3] [^:]*: illegal_inst at|the hypervisor +VS  ) 0x802[0-9a-f]+ ' \
		"the last trap that a guest has handled itself is shown"
	like "$err" '^      (at least )?[0-9]+ identical exits: inst_guest_page_fault at 0x1000, stval 0x1000$' \
		"with a trace, identical exits are counted"
	like "$err" '^1\.1   stopped \(SBI HSM\) .* none$' "a vCPU that was not started is stopped, without an exit"
	like "$err" '^4\.0   asleep  .* VS   0x802[0-9a-f]+ +wfi$' "a vCPU that waits for an interrupt is asleep"
	like "$err" '^3\.0   in user space  ' "a vCPU whose thread has left KVM_RUN is in user space"
else
	skip "states of vCPUs after a time-out" "$O/guest/busybox is missing"
fi

# Names that become parts of QEMU's options: the memory file, the ports' files, a disk.
cp "$progs/ends" "$tmp/a,share=off"
truncate -s 1M "$tmp/disk:1,readonly=on"
(cd "$tmp" && HS_RUNS="$tmp/run,s" "$HS_TOP/scripts/hyperscope" exec --quiet --icount \
	--disk "disk:1,readonly=on" "a,share=off" exit 43 </dev/null) >"$tmp/out" 2>"$tmp/err"
is "$? $(cat "$tmp/err")" "43 " "file names may contain commas and colons"

# ---- a trace ----
hs exec --trace sys_enter "$progs/ends" exit 7
trace=$(sed -n 's/^trace: //p' <<<"$err")
is "$status" 7 "a traced program's status is returned"
[ -n "$trace" ] && "$O/hstrace" report "$trace" 2>&1 | grep -q sys_enter
ok $? "the path of the trace is printed" || diag "$err"

# ---- large input and output ----
head -c 3000000 /dev/urandom >"$tmp/in"
hs exec --quiet "$progs/copy"
cmp "$tmp/in" "$tmp/out" 2>&1 | head -n 1
cmp -s "$tmp/in" "$tmp/out"
ok $? "every byte is passed through unchanged, to the end of the input"
like "$err" "^3000000 bytes, sum" "standard error is separate from standard output"

hs exec --quiet --icount "$progs/copy"
cmp -s "$tmp/in" "$tmp/out"
ok $? "with --icount every byte is passed through unchanged"
rm "$tmp/in"

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}
t0=$(now_ms)
hs exec --quiet "$progs/copy" 1
t1=$(now_ms)
hs exec --quiet "$progs/copy" 64000000
ms=$(($(now_ms) - t1 - (t1 - t0)))	# without the machine's start
[ $ms -gt 0 ] || ms=1
is "$(stat -c %s "$tmp/out")" 64000000 "a program can print 64 MB"
diag "$((64000 / ms)) MB/s"

# A slow reader loses nothing, and a reader that closes its end ends the run.
"$HS_TOP/scripts/hyperscope" exec --quiet --timeout "$(scaled 60)" "$progs/copy" 5000000 </dev/null \
	2>"$tmp/err" | (sleep 2; wc -c) >"$tmp/count"
is "$(cat "$tmp/count")" 5000000 "a slow reader loses nothing"
"$HS_TOP/scripts/hyperscope" exec --quiet --timeout "$(scaled 60)" "$progs/copy" 500000000 </dev/null \
	2>/dev/null | head -c 10 >/dev/null
ended_with=${PIPESTATUS[0]}
[ "$ended_with" != 124 ]
ok $? "when the reader closes its end, the run ends, before its time limit" || diag "status $ended_with"
is "$(left_running)" "" "and leaves nothing running"

# ---- output and error in one file ----
"$HS_TOP/scripts/hyperscope" exec "$progs/tellfiles" >"$tmp/both" 2>&1 </dev/null
like "$(cat "$tmp/both")" "to stderr" "standard output and standard error may be the same file"
unlike "$(cat "$tmp/both")" "^(exits|exit counts|trace): " "without a VM, neither an exit table nor a trace is printed"

# ---- two runs with --icount print the same bytes ----
hs exec --quiet --icount "$progs/copy" 1000000
first=$(cat "$tmp/out" "$tmp/err" | md5sum)
hs exec --quiet --icount "$progs/copy" 1000000
is "$(cat "$tmp/out" "$tmp/err" | md5sum)" "$first" "two runs with --icount print the same"

# ---- side by side ----
for i in 1 2 3; do
	"$HS_TOP/scripts/hyperscope" exec --quiet --timeout "$(scaled 60)" "$progs/tellfiles" "$i" \
		>"$tmp/side.$i" 2>/dev/null </dev/null &
done
wait
is "$(cat "$tmp"/side.? | grep '^argv.1.')" "argv[1]=1
argv[1]=2
argv[1]=3" "runs side by side do not disturb each other"
[ -d "$tmp/runs/last/" ]
ok $? "the link named last leads to the last run"
is "$(HS_RUNS=$tmp/swept PYTHONPATH=$HS_TOP/scripts python3 -B - 2>&1 <<'END'
import fcntl, os, shutil
from hs.run import rundir

def flock(fd, how, lock=fcntl.flock):
    lock(fd, how)
    if how & fcntl.LOCK_NB:
        shutil.rmtree(old.path)  # as another run may do now

old = rundir.RunDir("", "old")
old.close()
fcntl.flock = flock
new = rundir.RunDir("", "new")
print(os.path.isdir(new.path), os.path.exists(old.path))
END
)" "True False" "a run starts although another one removes an old folder at the same time"

# ---- a terminal ----
hs_on_terminal()	# INPUT ARGS...: run exec ARGS with INPUT on script(1)'s terminal
{
	local input=$1
	shift
	printf '%b' "$input" | timeout "$(scaled 40)" script -qec "stty rows 33 cols 99; \
		'$HS_TOP/scripts/hyperscope' exec --quiet --timeout $(scaled 30) $*; echo status \$?; stty -a" \
		/dev/null | tr -d '\r'
}
if command -v script >/dev/null; then
	text=$(hs_on_terminal '' "$progs/tellfiles")
	like "$text" "^isatty\(0\)=1" "a program run on a terminal has a terminal"
	like "$text" "^window 33x99" "the program's terminal has the same size as the launcher's"
	like "$text" "^canonical 1 echo 1" "the program's terminal has a line discipline"
	: >"$tmp/screen"
	(wait_until 300 'grep -q waiting "$tmp/screen"'; printf '\001x') | timeout "$(scaled 40)" script -qec \
		"'$HS_TOP/scripts/hyperscope' exec --quiet $progs/ends never; echo status \$?; stty -a" /dev/null >"$tmp/screen"
	text=$(<"$tmp/screen")
	like "$text" "status 130" "Ctrl-A X quits"
	like "$text" "[^-]icanon.*|[^-]echo " "Ctrl-A X restores the terminal"
else
	skip "a terminal" "script(1) is not installed"
fi
done_testing
