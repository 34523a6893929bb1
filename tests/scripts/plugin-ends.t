#!/bin/bash
# SPDX-License-Identifier: MIT
#
# plugin-ends.t - scripts/hyperscope profile, irqs-off, locks and anatomy refuse impossible requests
# before anything runs. If their output is closed, the disk is full or a signal arrives, they end
# with a failure status and leave no process or temporary file behind.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin profile

refused()	# STATUS TEXT TOOL ARGS...
{
	local want=$1 text=$2
	shift 2
	hs_script "$@"
	is "$status $(head -n 1 "$tmp/err")$out" "$want $1: $text" "refused: $*"
}

unread()	# COMMAND...: run COMMAND with its output to a pipe without a reader; its messages are in $tmp/err
{
	perl -e 'pipe my $r, my $w; close $r; open STDOUT, ">&", $w; exec @ARGV' "$@" 2>"$tmp/err"
}

for tool in profile irqs-off locks; do
	for harts in 0 65; do
		refused 2 "--harts $harts: must be 1 to 64" $tool --harts $harts hello
	done
done
refused 2 "--timeout 0: must be a whole number of at least 1; see scripts/hyperscope profile --help" profile --timeout 0 hello
refused 2 "--timeout 0: must be a whole number of at least 1; see scripts/hyperscope irqs-off --help" irqs-off --timeout 0 hello
refused 2 "--timeout -1: must be a whole number of at least 1; see scripts/hyperscope anatomy --help" anatomy --timeout -1 mmio_read
refused 2 "--kallsyms is for boot or a program: hello is not a Linux guest; see scripts/hyperscope profile --help" \
	profile --kallsyms /dev/null hello
refused 2 "--symbols takes neither a workload nor a program; see scripts/hyperscope profile --help" profile --symbols boot
refused 2 "--systems bare,bare: a system is named twice" anatomy --systems bare,bare mmio_read
refused 2 "there is no event 'nonsense'; \`hstrace events\` lists the events" anatomy --trace nonsense mmio_read
refused 2 "--svg $tmp/no/where.svg: cannot be written; see scripts/hyperscope anatomy --help" \
	anatomy --svg "$tmp/no/where.svg" mmio_read
refused 2 "--csv $tmp: cannot be written; see scripts/hyperscope anatomy --help" anatomy --csv "$tmp" mmio_read
printf '\377\n' >"$tmp/foreign"
refused 2 "--bounds $tmp/foreign: not UTF-8 text" irqs-off --bounds "$tmp/foreign" hello
refused 125 "$tmp/foreign: not a file that scripts/hyperscope anatomy --csv wrote: not UTF-8 text" \
	anatomy --csv "$tmp/foreign" mmio_read
refused 125 "QEMU $tmp/qemu: No such file or directory; name another with --qemu or \$QEMU, or install it: scripts/hyperscope setup run" \
	anatomy --qemu "$tmp/qemu" mmio_read
TMPDIR=$tmp/nowhere hs_script anatomy mmio_read
is "$status $(grep -c Traceback "$tmp/err")" "125 0" "a missing folder for temporary files is reported without a traceback" ||
	diag "$(cat "$tmp/err")"

for tool in profile irqs-off anatomy; do
	unread "$HS_TOP/scripts/hyperscope" "$tool" --out "$O" --list
	is "$? $(cat "$tmp/err")" "125 " "$tool: if the reader closes the pipe, no message is printed"
	"$HS_TOP/scripts/hyperscope" "$tool" --out "$O" --list >/dev/full 2>"$tmp/err"
	is "$? $(cat "$tmp/err")" "125 $tool: No space left on device" "$tool: output to a full disk is reported in one sentence"
done

# The output is unbuffered, so the write of the first line already fails.
PYTHONUNBUFFERED=1 unread "$HS_TOP/scripts/hyperscope" profile --out "$O" --svg "$tmp/hello.svg" --folded "$tmp/hello" \
	--csv "$tmp/hello.csv" hello
is $? 125 "output without a reader is an error" || diag "$(cat "$tmp/err")"
[ -s "$tmp/hello" ] && [ -s "$tmp/hello.csv" ] && [ "$(tail -n 1 "$tmp/hello.svg")" = "</svg>" ]
ok $? "the requested files are complete even if nothing reads the output" || diag "$(ls -l "$tmp")"
hs_script profile --svg /dev/full hello
is "$status $(tail -n 1 "$tmp/err")" "2 profile: --svg /dev/full: No space left on device" "a requested file that does not fit on the disk is an error"
like "$out" 'was our count each time' "the result is printed even if a file cannot be written"

hs_script profile --top 1 -- "$O/tests/progs/ends" signal 11
is $status 0 "a program that a signal ends is profiled" || diag "$(cat "$tmp/err")"
like "$out" 'was our count each time' "for a program that a signal ends, the plugin's count agrees with instret"

# A wrapper around QEMU that removes the last two lines of the plugin's file $CUT, as if the disk
# had been full.
cat >"$tmp/full" <<EOF
#!/bin/sh
${QEMU:-qemu-system-riscv64} "\$@" || exit
for file in "$tmp"/*.*/\$CUT "$tmp"/*.*/*/\$CUT; do
	[ ! -e "\$file" ] || { head -n -2 "\$file" >"$tmp/left" && mv "$tmp/left" "\$file"; }
done
EOF
chmod +x "$tmp/full"
for run in "counts profile hello" "counts irqs-off hello" "counts locks hello" "insns anatomy --systems bare mmio_read" \
	"paths anatomy --systems bare mmio_read"; do
	export CUT=${run%% *}
	# shellcheck disable=SC2086 # words
	hs_script ${run#* } --qemu "$tmp/full"
	is $status 125 "${run#* }: truncated counts give no result ($CUT)" || diag "$out" "$(cat "$tmp/err")"
	like "$(cat "$tmp/err")" 'incomplete: is the disk full' "the message about truncated counts names a possible cause"
done
python3 - "$HS_TOP/scripts" "$tmp/lines" <<'EOF'
import sys
sys.path.insert(0, sys.argv[1])
from hs import errors, plugin

def read(text):
    with open(sys.argv[2], "w", encoding="ascii") as file:
        file.write(text)
    try:
        return list(plugin.lines_of(sys.argv[2], "it"))
    except errors.LaunchError:
        return None

TEXT = "times 1 22\ntimes 333 4444\nend\n"
assert read(TEXT) == ["times 1 22\n", "times 333 4444\n"] and read("end\n") == []
assert all(read(TEXT[:size]) is None for size in range(len(TEXT)))
assert read("") is None and read("end") is None and read("times 1 end\n") is None
EOF
ok $? "a file that is truncated anywhere, even within a number, is refused"

# Send signals at random moments of a run. signals.slow.t tests more moments and more commands.
is "$(python3 "$HS_TOP/tests/scripts/told.py" 1 3 "$HS_TOP/scripts/hyperscope" profile --out "$O" --top 1 hello 2>&1)" "" \
	"profile ended by a signal at any moment: no traceback, nothing left running, no temporary file"

# The signal arrives just after Popen has taken its lock to poll the child.
cat >"$tmp/locked" <<'END'
import os, signal, subprocess, sys
sys.path.insert(0, os.environ["HS_TOP"] + "/scripts")
from hs import ends, plugin

class Lock:
    def __init__(self, lock):
        self.lock, self.release = lock, lock.release
    def acquire(self, *how):
        got = self.lock.acquire(*how)
        os.kill(os.getpid(), signal.SIGTERM)
        return got
    def __enter__(self):
        self.lock.acquire()
    def __exit__(self, *_):
        self.lock.release()

def main():
    child = ends.start(["sleep", "1000"])
    child._waitpid_lock = Lock(child._waitpid_lock)
    try:
        plugin.wait(child, "test", "sleep")
    finally:
        ends.stop(child)

sys.exit(ends.run(main))
END
timeout --kill-after=1 "$(scaled 10)" python3 "$tmp/locked"
is $? 143 "a signal that arrives while Python polls the child ends the tool"

# Send signals while QEMU runs. The machine is stopped (-S), so that it cannot end before the signal
# arrives.
cat >"$tmp/stopped" <<EOF
#!/bin/sh
: >"$tmp/started"
exec ${QEMU:-qemu-system-riscv64} "\$@" -S
EOF
chmod +x "$tmp/stopped"
for tool in "profile --whole exits" "irqs-off exits" "anatomy --systems hyperscope mmio_read"; do
	# shellcheck disable=SC2086 # words
	hs_script $tool --timeout 1 --qemu "$tmp/stopped"
	like "$status $(tr '\n' ' ' <"$tmp/err")" "^124 .*\(--timeout\) the end of its output \(all of it is in .*/failed/${tool%% *}-.*\.log\):   hyperscope: ended after 1 seconds" \
		"${tool%% *}: after a time-out, the launcher's last lines are shown and kept"
done
for tool in "profile --whole exits" "irqs-off exits" "anatomy mmio_read"; do
	for end in "HUP 129" "INT 130" "TERM 143"; do
		rm -f "$tmp/started"
		# shellcheck disable=SC2086 # words
		env --default-signal=HUP,INT "$HS_TOP/scripts/hyperscope" $tool --qemu "$tmp/stopped" --out "$O" \
			>"$tmp/table" 2>"$tmp/err" &
		tool_pid=$!
		until [ -e "$tmp/started" ] || ! kill -0 $tool_pid 2>"$tmp/null"; do sleep 0.05; done
		kill -"${end% *}" $tool_pid
		wait $tool_pid
		is "$? $(left_running) $(find "$tmp" -maxdepth 1 -name "${tool%% *}.*")" "${end#* }  " \
			"${tool%% *} ended by ${end% *}: the status is 128 + N, and nothing is left" || diag "$(cat "$tmp/err")"
	done
done
done_testing
