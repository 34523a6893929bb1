#!/bin/bash
# SPDX-License-Identifier: MIT
#
# wrong-use.t - an impossible request is refused with one clear sentence and a failure status, and
# leaves nothing behind.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
progs=$O/tests/progs
payload=$O/guest-payloads/hello.bin
# OpenSBI and the host print on the UART; with --quiet, only the error message is printed.

# refused STATUSES REGEX NAME ARGS...: claim that the command exits with one of STATUSES, prints
# nothing but one line on standard error that matches REGEX, and leaves no process or RAM file
# behind
refused()
{
	local statuses=$1 regex=$2 name=$3 problem=
	shift 3
	hs "$1" --quiet "${@:2}"
	case " $statuses " in *" $status "*) ;; *) problem="status $status" ;; esac
	[ "$(wc -l <"$tmp/err")" = 1 ] || problem="$problem; not one line"
	grep -qE -- "$regex" "$tmp/err" || problem="$problem; no match for $regex"
	[ ! -s "$tmp/out" ] || problem="$problem; it printed something"
	[ -z "$(left_running)" ] || problem="$problem; something runs on"
	[ -z "$(find "$tmp/runs" -name ram 2>/dev/null)" ] || problem="$problem; its RAM was left"
	[ -z "$problem" ]
	ok $? "$name" || diag "$problem" $'\n'"$err" $'\n'"$out"
}

truncate -s 1M "$tmp/zeros"
linux=$O/guest/vmlinux
: >"$tmp/empty"

# ---- the command line ----
refused 125 "unknown option --wrong" "an unknown option" run --wrong
refused 125 "unknown option --wrong" "an unknown option of exec" exec --wrong "$progs/ends"
refused 125 "unknown option --wrong; see scripts/hyperscope gdb --help" "an unknown option of gdb" gdb --wrong hello
refused 125 "unknown option --wrong; see scripts/hyperscope gdb --help" "an unknown option of gdb --exec" gdb --exec --wrong "$progs/ends"
refused 125 "no toggle 'color'" "an unknown toggle" run --set color=blue hello
refused 125 "toggle [a-z_]+ takes .*'blue'" "a toggle's unknown value" run --set gstage_walk=blue hello
for value in often 4294967296 007 -1 99999999999999999999999999; do
	refused 125 "halt_poll_ns takes a number from 0 to 4294967295, not '$value'" "$value as a toggle's number" run --set "halt_poll_ns=$value" hello
done
refused 125 "zero_page takes a number from 0 to 1, not '2'" "a number that is a toggle's greatest one plus 1" exec --set zero_page=2 "$progs/ends"
refused 125 "no event 'kvm_exlt'" "an unknown event" run --trace kvm_exlt hello
refused 125 "--host linux has no --trace-filter" "an option of the own host" run --host linux --trace-filter 'kvm_exit if vm == 1' hello
refused 125 "--host linux has no --gdb" "gdb on Linux" exec --host linux --gdb "$progs/ends"
refused 125 "--host 'mars': choose from own, linux" "an unknown host" exec --host mars "$progs/ends"
refused 125 "--vcpus 0" "zero vCPUs" run --vcpus 0 hello
refused 125 "--vcpus 65: must be 1 to 64" "more vCPUs than the limit" run --vcpus 65 hello
refused 125 "--device: there is no device 'uart'; known devices: testdev" "a device that --device cannot add" run --device uart hello
refused 125 "--harts 0" "zero harts" run --harts 0 hello
refused 125 "--harts 65: must be 1 to 64" "more harts than the limit" run --harts 65 hello
refused 125 "--memory lots" "an invalid size" run --memory lots hello

refused 125 "--memory 99999999999999999999: at most 126G" "a size beyond 64 bits" run --memory 99999999999999999999 hello
refused 125 "--memory 127G: at most 126G" "more memory than the host maps" exec --memory 127G "$progs/ends"
refused 125 "unknown option --mem; its name is now --memory" "run: the former name of --memory" run --mem 64M hello
refused 125 "unknown option --ram=1G; its name is now --memory" "exec: the former name of --memory" exec --ram=1G "$progs/ends"
refused 125 "unknown option --bios; its name is now --firmware" "the former name of --firmware" run --bios "$tmp/zeros" hello
refused 125 "unknown option --smp; its name is now --vcpus" "the former name of --vcpus" run --smp 2 hello
for seconds in -1 nan x; do
	refused 125 "--timeout: $seconds is not a number of seconds" "a time-out of '$seconds'" run --timeout $seconds hello
done

# ---- every command ----
# The commands come from the table in scripts/hs/main.py, so a new command is tested without an edit here. An
# option of a command is tried without its value if --help shows that it needs one. Commands in Python are
# called in one process, because starting 200 of them would take half a minute.
python3 -B - "$HS_TOP/scripts" >"$tmp/out" 2>&1 <<'END'
import contextlib, importlib, io, os, re, subprocess, sys
sys.path.insert(0, sys.argv[1])
os.environ["COLUMNS"] = "80"  # argparse folds help texts at this width
from hs import errors, main
from hs.commands import new

def call(name, *words):
    """Return the exit status, standard output and standard error."""
    if name in main.OF_DEBIAN or os.path.exists(os.path.join(main.SHELL, name)):
        done = subprocess.run([os.path.join(sys.argv[1], "hyperscope"), name, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = importlib.import_module("hs.commands." + name.replace("-", "_")).main(list(words))
    except SystemExit as end:
        status = end.code
    except errors.LaunchError as error:
        return errors.exit_status(name, error.status), out.getvalue(), "%s\n" % error
    return status or 0, out.getvalue(), err.getvalue()

for name in main.COMMANDS:
    status, out, err = call(name, "--help")
    if status != 0 or "scripts/hyperscope" not in out or err:
        print("%s --help: status %d, %s" % (name, status, err))
    if call(name, "-h") != (status, out, err):
        print("%s: -h differs from --help" % name)
    wrong = ["--no-such-option"]
    if "[--out DIR]" in out and call(name, "--out=x", *wrong) != call(name, "--out", "x", *wrong):
        print("%s: --out=DIR differs from --out DIR" % name)
    listing = "list" if name == "reproduce" else "--list"
    for words, text in ("--help", out), (listing, call(name, listing)[1] if listing in out else ""):
        for line in text.splitlines():
            if len(line) > 80:
                print("%s %s: %d characters: %s" % (name, words, len(line), line))
    expected = errors.exit_status(name, errors.STATUS_USAGE)
    first = ["exec"] if name == "linux-kvm" else [sorted(new.KINDS)[0]] if name == "new" else []
    takes_value = re.search(r"^(?:  |.*\[)(--[a-z-]+) [A-Z]", out, re.M)
    for words in ["--no-such-option"], ["no-such-a", "no-such-b", "no-such-c", "no-such-d"], [takes_value[1]] if takes_value else []:
        status, out, err = call(name, *first, *words) if words else (expected, "", "\n")
        if status != expected or out or err.count("\n") != 1 or "--" in "".join(words) and words[0] not in err:
            print("%s %s: status %d, %s%s" % (name, " ".join(first + words), status, out, err))
print("%d commands" % len(main.COMMANDS))
END
like "$(tr '\n' ' ' <"$tmp/out")" '^[4-9][0-9] commands $' "each command has --help (or -h) and lists, in 80 columns, and refuses an unknown option, an option without its value and wrong arguments in one line"
for tool in "$HS_TOP/scripts/hyperscope" "$HS_TOP"/tests/{run,fuzz/run,judges/run,proofs/run,toggles/rows,toggles/try}; do
	COLUMNS=80 "$tool" --help >"$tmp/help" 2>&1 || echo "$tool --help: status $?"
	grep -q . "$tmp/help" || echo "$tool --help prints nothing"
	grep -E '^.{81}' "$tmp/help"
done >"$tmp/out" 2>&1
is "$(cat "$tmp/out")" "" "the --help of scripts/hyperscope itself, and of the tools that run tests, fits 80 columns"

# ---- linux-kvm: requests that are refused before it looks for its kernel ----
linux_refused()	# REGEX ARGS...
{
	"$HS_TOP/scripts/hyperscope" linux-kvm exec --out "$tmp/none" "${@:2}" >"$tmp/out" 2>"$tmp/err" </dev/null
	like "$? $(wc -l <"$tmp/err") $(cat "$tmp/out" "$tmp/err")" "^125 1 linux-kvm: $1" "linux-kvm refuses ${*:2:2}"
}
for harts in x 0 -1 1.5 65 99999999999999999999 ''; do
	linux_refused "--harts $harts: must be 1 to 64" --harts "$harts" "$progs/ends"
done
for ram in x 0 -1 1.5G 2X ''; do
	linux_refused "--memory $ram: a size is a number" --memory "$ram" "$progs/ends"
done
for seconds in x -1 1e3 ''; do
	linux_refused "--timeout $seconds: not a number of seconds" --timeout "$seconds" "$progs/ends"
done
linux_refused "--env a;b=c: not of the form NAME=VALUE" --env 'a;b=c' "$progs/ends"
linux_refused "--log $tmp/none/log: cannot be written" --log "$tmp/none/log" "$progs/ends"
linux_refused "--harts needs a value" --harts
linux_refused "unknown option --wrong" --wrong
linux_refused "unknown option --ram; its name is now --memory" --ram 1G "$progs/ends"
linux_refused "--cpu nothing: QEMU refuses it: .*nothing" --cpu nothing "$progs/ends"
linux_refused "--firmware $tmp: Is a directory" --firmware "$tmp" "$progs/ends"
linux_refused "--machine plic: choose from virt, sswi, aplic, aia" --machine plic "$progs/ends"
linux_refused "no program was named"
if [ -f "$linux" ] && [ -f "$O/guest/busybox" ]; then
	"$HS_TOP/scripts/hyperscope" linux-kvm exec --out "$O" --qemu-args -nothing "$progs/ends" exit 0 >"$tmp/out" 2>"$tmp/err" </dev/null
	is "$? $(grep -c . "$tmp/err") $(tail -n 1 "$tmp/err")" "125 2 linux-kvm: QEMU could not create the machine (exit status 1)" \
		"linux-kvm: when QEMU refuses the machine, QEMU's and linux-kvm's error messages are printed"
	cat >"$tmp/hangs" <<-'END'
		#!/bin/bash
		for word; do
			case $word in
			file:*) printf 'OpenSBI v1\n[    1.5] soft lockup\n' >"${word#file:}" ;;
			pipe,*) monitor=${word##*path=} ;;
			esac
		done
		exec 7<>"$monitor.in" 8<>"$monitor.out"
		printf '%s\n' '{"QMP": {}}' '{"return": {}}' '{"event": "STOP"}' '{"return": {}}' >&8
		echo '{"return": "CPU#0\r\n V      =   0\r\n pc       0000000080001234\r\n mhartid  0000000000000003\r\n x0/zero  0000000000000000 x1/ra    0000000080005678\r\n"}' >&8
		exec sleep 1000
	END
	chmod +x "$tmp/hangs"
	QEMU=$tmp/hangs "$HS_TOP/scripts/hyperscope" linux-kvm exec --out "$O" --timeout 1 "$progs/ends" never \
		>"$tmp/out" 2>"$tmp/err" </dev/null
	is "$? $(cat "$tmp/err")" "124 [    1.5] soft lockup
hart 3: in the firmware, pc=0x80001234 ra=0x80005678
linux-kvm: $progs/ends: ended after 1 seconds (--timeout)" \
		"linux-kvm: after a time-out, the kernel's last messages and each hart's registers are printed"
else
	skip "linux-kvm: after a time-out, the kernel's last messages and each hart's registers are printed" "there is no $linux"
	skip "linux-kvm: when QEMU refuses the machine, QEMU's and linux-kvm's error messages are printed" "there is no $linux"
fi

# ---- files ----
refused 125 "$tmp/none: no such file" "a guest that does not exist" run "$tmp/none"
refused 125 "initrd $tmp/none: no such file" "an initrd that does not exist" \
	run --initrd "$tmp/none" hello
refused 125 "disk $tmp/none: No such file" "a disk that does not exist" run --disk "$tmp/none" hello
refused 125 "disk $tmp: " "a disk that is a folder" run --disk "$tmp" hello
refused 125 "disk $tmp/empty is empty" "an empty disk" run --disk "$tmp/empty" hello
refused 125 "bash: not a 64-bit RISC-V program" "a program of another machine" exec /bin/bash
refused 125 "zeros: not an ELF program" "a program that is not an ELF file" exec "$tmp/zeros"
refused 101 "not a RISC-V Image|no RISC-V Image" "a guest that is not an Image" run "$tmp/zeros"
if [ -f "$linux" ]; then
	head -c 10000000 "$linux" >"$tmp/half"
	refused 101 "truncated" "a truncated guest" run "$tmp/half"
	refused 101 "memory" "a guest larger than its memory" run --memory 8M "$linux"
else
	skip "a truncated guest, and one larger than its memory" "there is no $linux"
fi

[ ! -w /dev/full ] || is "$(PYTHONPATH=$HS_TOP/scripts python3 -B -c '
from hs import ends, errors
from hs.run import cpio
def main():
    with errors.naming("/runs/hello.1"), open("/dev/full", "wb", 0) as out:
        cpio.Archive(out).add_file("program", "/bin/sh")
ends.exit_by("hyperscope", main)' 2>&1; echo $?)" "hyperscope: /runs/hello.1: No space left on device"$'\n'125 "a full disk is reported with the run's folder"

# ---- two runs on one disk ----
cp "$tmp/zeros" "$tmp/disk"
"$HS_TOP/scripts/hyperscope" exec --quiet --timeout "$(scaled 60)" --disk "$tmp/disk" "$progs/ends" \
	never >"$tmp/first" 2>&1 </dev/null &
first=$!
wait_until 300 'grep -qs waiting "$tmp/first"'
is "$(cat "$tmp/first")" waiting "a first run uses the disk"
hs run --quiet --disk "$tmp/disk" hello
is "$status" 125 "a second run on the same disk is refused"
is "$err" "hyperscope: disk $tmp/disk is in use by another run, or named twice" "the refusal names the disk in use"
kill $first
wait $first
is $? 143 "a run that SIGTERM ends exits with 128 + 15"
is "$(left_running)" "" "a terminated run leaves nothing running"

# ---- a path with a blank, which make cannot handle ----
out=$(make -C "$HS_TOP" "O=$tmp/a b" help 2>&1)
like "$? $(tr "\n" " " <<<"$out")" "^2 .*make takes no blank in a path" "a blank in O is reported"
mkdir "$tmp/c d" && cp "$HS_TOP/Makefile" "$tmp/c d"
out=$(make -C "$tmp/c d" help 2>&1)
like "$? $(tr "\n" " " <<<"$out")" "^2 .*make takes no blank in a path" "a blank in the tree's path is reported"

# ---- a platform that lacks something ----
refused 125 "H extension|hypervisor extension" "a processor without H" \
	run --cpu rv64,h=false hello
refused 125 "SBI" "a firmware without the SBI extensions that are needed" \
	exec --firmware "$O/tests/nosbi.bin" "$progs/ends" exit 0
refused 125 "16 MiB of memory is too little.* [0-9]+ MiB" "too little memory" \
	exec --memory 16M "$progs/ends" exit 0
refused 125 "--cpu nonsense: QEMU refuses it: .*nonsense.*-cpu help. lists" "a processor that QEMU does not know" \
	exec --cpu nonsense "$progs/ends" exit 0
refused 125 "--cpu rv64,foo=bar: QEMU refuses it: .*foo.* -device rv64-riscv-cpu,help. lists" "a property that no processor has" \
	run --cpu rv64,foo=bar hello
refused 125 "--cpu help: QEMU refuses it" "a --cpu that starts no machine" run --cpu help hello
refused 125 "--machine 'plic': choose from virt, sswi, aplic, aia" "a machine that does not exist" run --machine plic hello
refused 125 "--machine qemu-spike has no disks" "a disk without virtio" run --machine qemu-spike --disk "$tmp/disk" hello
refused 125 "--harts 9: must be 1 to 8 with --machine qemu-spike" "more harts than QEMU's spike has" run --machine qemu-spike --harts 9 hello
refused 125 "--cpu rv64,sstc=on: --machine qemu-spike has no Sstc" "Sstc on QEMU's spike" run --machine qemu-spike --cpu rv64,sstc=on hello
SPIKE=$tmp/none refused 125 "--machine spike: there is no $tmp/none; name riscv-isa-sim's program in .SPIKE" "Spike that is not there" run --machine spike hello
SPIKE=true refused 125 "--machine spike records no trace: use --trace none" "a trace on Spike" run --machine spike --trace all hello
SPIKE=/etc/passwd refused 125 "--machine spike: /etc/passwd cannot be executed" "Spike that cannot be executed" run --machine spike hello
HYPERSCOPE_KERNEL=foo refused 125 ".HYPERSCOPE_KERNEL is 'foo': the only value is debug" "a kernel that does not exist" run hello
refused 125 "--irqchip 'aia': choose from .*, aia_hwaccel, aia_direct" "an interrupt controller that does not exist" run --irqchip aia hello
refused 125 "--firmware $tmp: Is a directory; name a file" "a folder as the firmware" run --firmware "$tmp" hello
refused 125 "--firmware $HS_TOP/README.md: a text; name a file with SBI firmware" "a text as the firmware" run --firmware "$HS_TOP/README.md" hello
refused 125 "--firmware /bin/sh: not an ELF file for 64-bit RISC-V" "a program of another machine as the firmware" run --firmware /bin/sh hello
refused 125 "QEMU $tmp/none: No such file.*--qemu" "a QEMU that does not exist" run --qemu "$tmp/none" hello
refused 125 "--file $tmp/none: there is no file" "a file to copy that does not exist" exec --file "$tmp/none" "$progs/ends"

# Commands that start machines later, or several of them, check these options before the first one.
tool_refused()	# REGEX COMMAND ARGS...
{
	"$HS_TOP/scripts/hyperscope" "${@:2}" --out "$O" >"$tmp/out" 2>"$tmp/err" </dev/null
	like "$? $(wc -l <"$tmp/err") $(cat "$tmp/out" "$tmp/err")" "^2 1 [a-z-]+: $1" "$2 refuses ${*:3}"
}
for command in bench "anatomy mmio_read" "profile hello" "irqs-off sparse" "compare HEAD"; do
	# shellcheck disable=SC2086 # a command and its argument
	tool_refused "--cpu nonsense: QEMU refuses it" $command --cpu nonsense
	# shellcheck disable=SC2086
	[ "$command" = "compare HEAD" ] || tool_refused "--firmware $tmp/none: No such file" $command --firmware "$tmp/none"
done
tool_refused "--set nonsense: not of the form" compare HEAD --set nonsense
tool_refused "--set nonsense: not of the form" probe --set nonsense
tool_refused "there is no event 'nonsense'" probe --trace nonsense
tool_refused "--machine 'plic': choose from" bench --machine plic
tool_refused "--against: $tmp/none: no such file" bench --against "$tmp/none"
tool_refused "--from: $tmp/none: no such file" reproduce all --from "$tmp/none"
tool_refused "$tmp/none: no such file" sweep "$tmp/none"
tool_refused "--submission $tmp/none: no such file" grade --submission "$tmp/none"
tool_refused "--keep /dev/null: not a folder" litmus --keep /dev/null
tool_refused "--keep $tmp: exists already; name a new folder" grade --submission "$tmp" --keep "$tmp"
tool_refused "--keep needs --submission" grade --keep "$tmp/new"
tool_refused "--plan runs nothing: omit --retry" sweep --plan --retry "$HS_TOP/notebooks-data/sweeps/smp.toml"
tool_refused "--plan runs nothing: omit --fresh" sweep --plan --fresh "$HS_TOP/notebooks-data/sweeps/smp.toml"
tool_refused "--plan runs nothing: omit --job" sweep --job 00001 --plan "$tmp"
tool_refused "--elf: $tmp/none: no such file" litmus --elf "$tmp/none"
tool_refused "there is no lab 99; known labs: 1 tools" lab 99 "$tmp/lab"

# ---- names of commands ----
commands=$("$HS_TOP/scripts/hyperscope" --help | sed -n 's/^  \([a-z-]*\)  .*/\1/p')
is "$("$HS_TOP/scripts/hyperscope" anatomie 2>&1; echo $?)" \
	"hyperscope: unknown command 'anatomie' (did you mean anatomy?); --help lists the commands"$'\n'2 "an unknown command is refused, and a similar one is named"
completed()	# LINE: print what bash offers after `scripts/hyperscope LINE`
{
	bash -c 'cd "$1" && source <(scripts/hyperscope completion bash) && COMP_LINE="scripts/hyperscope $2" && COMP_POINT=${#COMP_LINE} &&
		_hyperscope && echo "${COMPREPLY[*]}"' - "$HS_TOP" "$1" 2>&1
}
is "$(completed ksel) $(completed 'bench --rows sbi_vers') $(completed 'bench --toggle fastp') $(completed 'run --trace-st')" \
	"kselftest sbi_version fastpath --trace-stop --trace-stream" "bash completes commands, rows, toggles and options"
is "$(completed 'run --set fp=ea') $(completed 'run --trace kvm_exit,!kvm_wf') $(completed 'walk fast') $(completed 'run ') $(completed 'run /')" \
	"eager kvm_exit,!kvm_wfi fast-path linux hello " "bash completes values, lists and the names that a command takes"
is "$(PYTHONPATH=$HS_TOP/scripts python3 -c 'from hs import paths, toggles; print(toggles.check_trace(paths.TOP, "kvm_exit,!kvm_vcpu_wake"))')" \
	"kvm_exit,!kvm_wake_reason" "--trace accepts the former name of an event"
[ "$(wc -w <<<"$commands")" -gt 25 ]
ok $? "--help lists the commands"

done_testing
