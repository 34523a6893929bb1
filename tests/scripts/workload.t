#!/bin/bash
# SPDX-License-Identifier: MIT
#
# workload.t - a workload runs on QEMU's machines, and on Spike if it is installed; its events are the same everywhere;
# planted faults are found; and a log is judged by what it contains.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

fixes "the events of a workload depend on all toggles" all
command -v dtc >/dev/null || skip_all "dtc is missing: run scripts/hyperscope setup workload"
needs_built "$O/workload/runner" "$O/workload/shim.c.o" "$O/workload/clock.c.o" "$O/workload/opensbi.c.o"
qemu=${QEMU:-qemu-system-riscv64}
mkdir -p "$tmp/out/workload"
for name in hyperscope.bin hyperscope.elf hstrace vmm guest-payloads; do ln -s "$O/$name" "$tmp/out/$name"; done
for name in runner vmm shim.S.o shim.c.o clock.c.o opensbi.c.o; do ln -s "$O/workload/$name" "$tmp/out/workload/$name"; done

work()	# ARGS...
{
	hs_script workload --out "$tmp/out" "$@"
	out=$(cat "$tmp/table")
	err=$(cat "$tmp/err")
}

work smoke --trace
is "$status" 0 "smoke passes on QEMU" || diag "$out" "$err"
like "$out" '^PASS$' "... and says so"
like "$out" '^the runs agree: [0-9]{3,} events$' "a second run has the same events"
work smoke --trace --cpu-of-nobody
is "$status" 2 "an unknown option is refused"
work nested --trace
like "$status $err" "^2 .*--trace: the events of nested depend on the machine's clock, .*; use --clock counted;" \
	"events that do not repeat are not compared, and the error names the other clock"
work stress --clock counted
like "$status $err" "^2 .*stress cannot have the clock 'counted'; choose from machine$" "a clock that a profile cannot have is refused"
ln -s "$O/profile.so" "$tmp/out/profile.so"
work smoke --count
is "$status" 0 "the instructions of smoke are counted" || diag "$err"
total=$(sed -nE 's/^all +([0-9,]+) instructions$/\1/p' <<<"$out" | tr -d ,)
[ "${total:-9999999}" -le 2100000 ] # other compilers may need some more than the 2 million that docs/workload.md states
ok $? "smoke executes about 2 million instructions at most" || diag "$out"
if "$qemu" -M help 2>/dev/null | grep -q '^spike '; then
	work smoke --trace --on qemu-spike
	is "$status" 0 "QEMU's machine spike, with HTIF and without a clock, has the same events" || diag "$out" "$err"
fi
if command -v "${SPIKE:-spike}" >/dev/null; then
	work smoke --trace --on spike
	is "$status" 0 "Spike has the same events" || diag "$out" "$err"
	work hs --on spike --quiet
	is "$status" 0 "all claims about H hold on Spike" || diag "$out" "$err"
else
	skip "Spike has the same events" "there is no program spike"
fi
if command -v gdb-multiarch >/dev/null && ! qemu_older 8.0; then
	work smoke --faults trap-tval,cause-store
	is "$status" 0 "planted faults are found" || diag "$out" "$err"
	like "$out" '^trap-tval +H .2\.17 +claims ' "... by the payload's claims"
	like "$out" '^cause-store +H .6\.1 +events ' "... or by the events"
	like "$out" '^2 of 2 planted faults are found$' "... and counted"
else
	skip "planted faults are found" "gdb-multiarch is missing, or QEMU is too old"
fi

work smoke --elf "$tmp/smoke.elf"
out=$(timeout "$(scaled 10)" "$qemu" -M virt -cpu rv64,h=false -m 64M -nodefaults -display none -serial stdio \
	-bios "$tmp/smoke.elf" </dev/null)
is "$out" "workload: FAIL: the hart has no H extension (misa)" "a core without the H extension is reported"
before=$(md5sum "$tmp"/smoke.{elf,cpio})
cat >"$tmp/damaging-gcc" <<END
#!/bin/bash
case " \$* " in *" -E "*) exec ${CROSS_COMPILE:-riscv64-linux-gnu-}gcc "\$@" ;; esac
while [ "\$1" != -o ]; do shift; done
echo half >"\$2"
exit 1
END
chmod +x "$tmp/damaging-gcc"
CROSS_COMPILE=$tmp/damaging- work smoke --elf "$tmp/smoke.elf"
like "$status $err" "^125 .*the workload smoke: " "a failure of the linker is reported"
is "$(md5sum "$tmp"/smoke.{elf,cpio})" "$before" "... and both files stay as they were, because a machine may be loading them"
is "$(ls -d "$tmp"/build.* 2>/dev/null)" "" "... without a temporary folder beside them"

# ---- mistakes in a profile ----
# $boot and $longest are as long as the limits permit.
words() { printf "$1%.0s" $(seq "$2"); }
boot="$(words ' a=45678' 63) a=4567"
longest="payload a$boot$(words ' --ab' 26) /"
longest+=$(printf %0$((1022 - ${#longest}))d 0)
cat >"$tmp/profiles" <<END
x	x = 1	x: there is no such key; choose from title,
y	memory = "1"	memory: '1' has to be a number
z	memory = 0	memory: 0 has to be at least 1
m	memory = 1\nharts = -1	harts: -1 has to be at least 1
e	memory = 1\ntitle = ""	title: it is missing or empty; each profile needs title, isa, clocks, memory
t	title =	Invalid value
f	firmware = "bios"	firmware: 'bios' is unknown; choose from shim, opensbi
i	vms = ["payload a"]	vms: 'payload a': write KIND NAME \[VMM-OPTION...\] IMAGE
k	vms = ["payloads a /a.bin"]	vms: 'payloads a /a.bin': the kind 'payloads' is unknown; write payload or guest
n	vms = ["payload PASS /a.bin"]	vms: .*the VM's name 'PASS' is not allowed; use lower-case
c	vms = ["payload a\\\\tb /a.bin"]	vms: .*printable ASCII characters
l	vms = ["${longest}0"]	vms: .*it has 1023 bytes; write at most 1022
w	vms = ["payload a$(words ' x' 28)"]	vms: .*28 words without '=' follow the name; write at most 27
b	vms = ["payload a${boot}0 /a.bin"]	vms: .*the boot arguments have 512 bytes; write at most 511
END
mkdir "$tmp/toml"
while IFS=$'\t' read -r name line _; do
	{ [[ $line = *title* ]] || echo 'title = "t"'; [[ $line = memory* ]] || echo 'memory = 1'; printf 'isa = "i"\nclocks = ["counted"]\n%b\n' "$line"; } \
		>"$tmp/toml/$name.toml"
done <"$tmp/profiles"
printf 'title = "t"\nmemory = 1\nisa = "i"\nclocks = ["counted"]\nvms = ["%s"]\n' "$longest" >"$tmp/toml/ok.toml"
PYTHONPATH=$HS_TOP/scripts python3 -B - "$tmp/toml" >"$tmp/table" 2>&1 <<'END'
import sys
from hs.errors import LaunchError
from hs.workload import profile
profile.FOLDER = sys.argv[1]
for name in profile.names():
    try:
        print("%s: read %d" % (name, len(profile.read(name).vms)))
    except LaunchError as error:
        print("%s: %d %s" % (name, error.status, error))
END
while IFS=$'\t' read -r name line text; do
	like "$(grep "^$name:" "$tmp/table")" "^$name: 2 .*/$name.toml: .*$text" "a profile is refused, with its file, key and value: ${text:0:60}" ||
		diag "$line"
done <"$tmp/profiles"
like "$(cat "$tmp/table")" "^ok: read 1$" "a profile at all limits is read"

printf '%s\n' "payloads a /a.bin" payload "payload b$(words ' x' 28)" "payload c${boot}0 /a.bin" "${longest}0" >"$tmp/list"
"$HS_TOP/scripts/hyperscope" exec --quiet --timeout "$(scaled 30)" --file "$tmp/list:/workload" "$O/workload/runner" \
	>"$tmp/log" 2>"$tmp/err" </dev/null
is "$? $(sed -n 's/^workload: //p' "$tmp/log")" "1 a: unknown kind 'payloads': write payload or guest
/workload: a line has no NAME: write KIND NAME IMAGE
b: too many words for the VMM: write at most 27
c: the boot arguments are too long: write at most 511 bytes
/workload: a line is too long: write at most 1022 bytes
FAIL: a: unknown kind 'payloads': write payload or guest" "the runner refuses such lines, too" || diag "$(cat "$tmp/err")"

# ---- OpenSBI ----

# With -icount, QEMU runs the harts one after the other, so the others arrive in OpenSBI long after hart 0.
PYTHONPATH=$HS_TOP/scripts python3 -B -c 'import sys; from hs.workload import build, profile; build.build(profile.read("stress"), *sys.argv[1:])' \
	"$tmp/out" "$tmp/stress.elf" 2>"$tmp/err"
is "$?" 0 "stress is built" || diag "$(cat "$tmp/err")"
: >"$tmp/log"
timeout "$(scaled 60)" "$qemu" -M virt -m 256M -smp 4 -nodefaults -display none -serial stdio -bios "$tmp/stress.elf" \
	-icount shift=0,sleep=off >"$tmp/log" 2>&1 </dev/null &
wait_until 600 'ended $! || grep -q "workload: build:\|panic:" "$tmp/log"'
kill $! 2>/dev/null
wait $!
like "$(cat "$tmp/log")" '^workload: build:' "its harts may arrive in OpenSBI long after hart 0"

# ---- U-Boot ----
# U-Boot finds nothing to boot, and prompts for a command. Do not type before that: U-Boot empties the UART's receiver when it
# starts, and QEMU may then never read its standard input again. When standard input ends, QEMU may lose what it has not passed
# on: leave it open until the end.
type_at_prompt()	# COMMAND
{
	wait_until 200 "grep -aq '^=>' '$tmp/log'"
	echo "$1"
	wait_until 300 "grep -aq '^host: /init exited' '$tmp/log'"
}

uboot=/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin
if [ -e "$uboot" ]; then
	size=$(printf %x "$(stat -L -c %s "$tmp/smoke.cpio")")
	: >"$tmp/log"
	type_at_prompt "setenv bootargs trace.size=0; booti 0x84000000 0x88000000:$size \${fdtcontroladdr}" |
		timeout "$(scaled 60)" "$qemu" -M virt -m 256M -nodefaults -display none -serial stdio -kernel "$uboot" \
			-device loader,file="$O/hyperscope.bin",addr=0x84000000,force-raw=on \
			-device loader,file="$tmp/smoke.cpio",addr=0x88000000,force-raw=on >"$tmp/log" 2>&1
	work --check "$tmp/log"
	is "$status $out" "0 PASS" "U-Boot boots hyperscope.bin with smoke.cpio" || diag "$(tail -n 5 "$tmp/log")"
else
	skip "U-Boot boots hyperscope.bin with smoke.cpio" "the package u-boot-qemu is missing"
fi

# ---- verdicts on logs ----
judged()	# STATUS TEXT LOG NAME
{
	printf '%b' "$3" >"$tmp/log"
	work --check "$tmp/log"
	is "$status $out" "$1 $2" "$4"
}
judged 0 PASS 'noise\r\nworkload: PASS: \r\n' "PASS is found in a log"
judged 1 "FAIL: smoke: not ok 3 - x" 'workload: smoke: not ok 3 - x\nworkload: FAIL: smoke: not ok 3 - x\n' "FAIL comes with its claim"
judged 1 "FAIL: there is no verdict" 'workload: smoke: 3 of 3 claims hold\n' "a log that ends early fails"
judged 1 "FAIL: there is no verdict" '' "an empty log fails"
judged 1 "FAIL: there is no verdict" 'the guest prints workload: PASS: \n' "PASS within a line is not a verdict"
judged 1 "FAIL: not ok 2 - b" 'ok 1 - a\nnot ok 2 - b\n1..2\n' "a payload without a runner is judged by its claims"
judged 1 "FAIL: there is no verdict" 'ok 1 - a\n' "... and has to reach its plan"
judged 1 "FAIL: Bail out! unexpected trap" 'ok 1 - a\nBail out! unexpected trap\n' "a payload that gives up fails"
judged 1 "FAIL: the plan is 1..3, but the claims are others" 'ok 1 - a\n1..3\n' "... with all of its claims"
judged 1 "FAIL: there is no verdict" 'workload: linux: x\rworkload: PASS: \r\nworkload: linux: y\n' "a guest's carriage return begins no line"
judged 0 PASS 'noise\n\rworkload: PASS: \n\r' "a carriage return may precede a line"
judged 1 "FAIL: a: not ok 1 - b" 'workload: FAIL: a: not ok 1 - b\r\r\n' "... and several may end it"
judged 1 'FAIL: x?]0;y?z?[31m' 'workload: FAIL: x\033]0;y\007z\302\233[31m\n' "control characters of a log are not printed"
judged 1 "FAIL: the host panicked" 'workload: PASS: \nhost: panic: x\n' "a panic after PASS is a failure"
judged 1 "FAIL: the host panicked" 'host: panic: x\nworkload: PASS: \n' "... as is one on the first line of the log"
judged 1 "FAIL: there is no verdict" '1..0\n' "... which is not empty"

printf 'workload: build: x\nworkload: smoke: 2 of 2 claims hold\nworkload: PASS: \n' >"$tmp/log"
work smoke --check "$tmp/log"
is "$status $out" "0 PASS" "a log of the profile is judged"
for profile in functional hs; do
	work $profile --check "$tmp/log"
	like "$status $err" "^2 .*log is not a log of $profile: it has results of smoke$" "another profile's log is refused ($profile)"
done
echo "workload: PASS: " >"$tmp/log"
work functional --check "$tmp/log"
is "$status $out" "0 PASS" "... but not one that names no VM"

# ---- comparisons ----
# Claim the status and output of --check --expected if hstrace is a script with this COMMAND.
compared()	# STATUS REGEX COMMAND NAME
{
	printf '#!/bin/sh\n%s\n' "$3" >"$tmp/other/hstrace"
	chmod +x "$tmp/other/hstrace"
	PYTHONUNBUFFERED="" work --check "$tmp/log" --expected "$tmp/log" --out "$tmp/other"
	like "$status $(tr '\n' ' ' <<<"$out$err")" "^$1 $2" "$4"
}
mkdir "$tmp/other"
echo "workload: PASS: " >"$tmp/log"
compared 1 'the events FAIL: all claims hold, but the events differ $' 'echo the events; exit 1' "events that differ are a failure, and are printed above the verdict"
compared 2 '.*the events cannot be compared: see the message' 'exit 2' "a comparison that hstrace refuses is wrong use, not a difference"
compared 125 '.*the events cannot be compared: hstrace was ended by signal 9' 'kill -KILL $$' "a crash of hstrace is a failure of the command, not a difference"
echo "host: " >"$tmp/log"
compared 1 'FAIL: there is no verdict $' 'exit 2' "a log that ends early, without events, is a failure and not wrong use"

# ---- a board's cycles ----
for round in 1 2 3; do
	echo "workload: bench-$round: bench,nothing,cycles,100,1.00,2.0$round,3.00,4.00,2.50,"
	echo "workload: bench-$round: bench,ebreak,cycles,100,10.00,2$round.00,30.00,40.00,20.00,7.00"
done >"$tmp/rounds"
board()	# STATUS REGEX NAME ARGS...; $tmp/log is the log
{
	hs_script bench --from "$tmp/log" --csv "$tmp/board.csv" "${@:4}"
	like "$status $(cat "$tmp/table" "$tmp/err" | tr '\n' ' ')" "^$1 .*$2" "$3"
}
build="workload: build: commit abc images def"
{ echo "$build"; cat "$tmp/rounds"; echo "workload: PASS: "; } >"$tmp/log"
board 0 'ebreak +22.00  21.00 to 23.00' "a board's log gives medians with intervals" --board b-1
is "$(sed -n 3p "$tmp/board.csv")" "b-1,ebreak,cycles,3,300,10.00,22.00,21.00,23.00,30.00,40.00,7.00,abc,def" "... and a CSV file with provenance"
sed -i 's/^/\r/; s/$/\r\r/' "$tmp/log"
board 0 'ebreak +22.00  21.00 to 23.00' "... whatever its carriage returns" --board b-1
{ echo "$build"; cat "$tmp/rounds"; } >"$tmp/log"
board 125 'does not end with PASS: there is no verdict' "a log that ends early is refused" --board b
{ echo "$build"; sed 's/,7.00$//' "$tmp/rounds"; } >"$tmp/log"
board 2 'the row ebreak has 6 fields instead of 7' "a damaged row is refused" --board b
{ echo "$build"; head -n 2 "$tmp/rounds"; echo "workload: PASS: "; } >"$tmp/log"
board 125 'the row nothing has 1 rounds' "one round has no interval" --board b
echo "workload: PASS: " >"$tmp/log"
board 2 'the log has no results of the profile bench' "another profile's log is refused" --board b
echo >"$tmp/log"
board 2 '--board A/b: use lower-case letters' "a name that is no file's is refused" --board A/b
echo >"$tmp/log"
board 2 '--from' "without a board's name, --from needs a system"

# ---- lists and wrong use ----
work --list
like "$out" '^smoke +each cause of an exit, once$' "--list prints the profiles"
work --coverage
like "$out" '^H .6\.3 +[1-9][0-9]* ' "--coverage counts the claims on a section"
like "$out" '^without a claim: H .1, H .2\.9$' "... and names the sections without one"
counts=$(sed -nE 's/^H [^ ]*2\.8 +([0-9]+) +([0-9]+) +([0-9]+) .*/\1 \2 \3/p' <<<"$out")
work --coverage=2.8
like "$status $out" '^0 H .2\.8: Hypervisor Trap Value \(htval\) Register$' "--coverage=2.8 begins with the section's title"
like "$out" '^    htval and stval give the address, whatever the base register$' "... names its claims in smoke"
like "$out" '^  hs and nested, test_translation\(\) in tests/guest/nested/gstage.c, which$' "... the functions of nested that check it"
like "$out" '^    a load without a leaf is a guest page fault$' "... their claims"
like "$out" '^    htval-page  +htval has another page$' "... and its planted faults"
is "$(awk '/^  (smoke|hs|planted)/ { part = $1 } /^    [^ ]/ { n[part]++ } END { print n["smoke,"], n["hs"], n["planted"] }' <<<"$out")" "$counts" \
	"... as many of each as the table counts"
one=$out
work --coverage="H §2.8"
is "$out" "$one" "a section may be named as the specification is cited"
work --coverage all
is "$status $(grep -c '^H [^ ]*:' <<<"$out") $(LC_ALL=C.UTF-8 awk 'length > 80' <<<"$out")" "0 $(grep -c '^| H ' "$HS_TOP/docs/spec.md") " \
	"--coverage all has each section, in 80 columns"
like "$(grep -A1 '^H [^ ]*2\.9:' <<<"$out")" '^  no claim$' "... and says which has no claim"
for section in 9.9 "" "S §1.8"; do
	work --coverage="$section"
	like "$status $out $err" "^2  .*no section '$section' of the chapter on H; name one that --coverage alone prints, or all" \
		"an unknown section is wrong use: '$section'"
done
is "$("$HS_TOP/scripts/hyperscope" completion words workload --coverage 6.3)" 6.3 "a section can be completed"
work none
is "$status" 2 "an unknown profile is wrong use"
like "$err" "there is no profile 'none'; choose from .*smoke" "... and the message lists the profiles"
work smoke --faults none
like "$status $err" "^2 .*there is no fault 'none'; choose from htinst-rd" "an unknown fault is wrong use"
work hs --faults
like "$status $err" "^2 .*only the profile smoke" "faults are planted in smoke only"
work --check "$tmp/missing"
is "$status" 2 "a log that does not exist is wrong use"
for words in "smoke --count --trace" "smoke --csv $tmp/x" "smoke --expected $0" "--elf $tmp/x" "nested --trace" "stress --boot x" \
	"smoke --faults=" "smoke --count --on spike" "--coverage --check $0" "--boot x" "--check $0 --boot x" \
	"--check $0 --quiet" "--list --timeout 1" "--coverage --elf $tmp/x" "smoke --count --qemu x --quiet" \
	"--clock counted" "smoke --faults --clock counted" "--check $0 --clock counted"; do
	# shellcheck disable=SC2086 # words
	work $words
	is "$status" 2 "options without an effect are refused: ${words//$tmp/TMP}"
done
for boot in 'x"; evil = "y' 'a\b' $'a\nb' 'é'; do
	work smoke --boot "$boot"
	like "$status $(wc -l <"$tmp/err") $err" "^2 1 .*--boot '.*': boot arguments have only printable ASCII characters" "a boot argument has no $(printf %q "$boot")"
done
mkfifo "$tmp/pipe"
work smoke --elf "$tmp/pipe"
like "$status $err" "^2 .*--elf $tmp/pipe: cannot be replaced; name a regular file" "an ELF file that is a pipe is wrong use"
for elf in "$tmp" "$tmp/none/x.elf"; do
	work smoke --elf "$elf"
	like "$status $err" "^2 .*--elf $elf: cannot be written" "an ELF file that cannot be written is wrong use: ${elf//$tmp/TMP}"
done
work smoke --quiet --qemu "$tmp/none"
like "$status $err" "^125 .*none cannot be executed" "a simulator that does not exist is no FAIL"

# ---- simulators that fail ----
# Claim what smoke prints on a simulator, a script that prints TEXT and executes COMMAND.
simulated()	# STATUS REGEX TEXT COMMAND NAME ARGS...
{
	printf '#!/bin/sh\nprintf %%b "%s"\n%s\n' "$3" "$4" >"$tmp/simulator"
	chmod +x "$tmp/simulator"
	work smoke --qemu "$tmp/simulator" "${@:6}"
	like "$status $(tr '\n' ' ' <<<"$out$err")" "^$1 $2" "$5"
}
simulated 1 'a\?\[1mb workload: FAIL: c\?\[2md FAIL: c\?\[2md $' 'a\\033[1mb\r\nworkload: FAIL: c\\033[2md\n' "exit 1" \
	"control characters of a simulator's output are not printed"
simulated 125 '.*workload: simulator has ended with status 2, without starting the machine: x: bad option $' 'x: bad option\n' "exit 2" \
	"a simulator that does not start the machine is no FAIL"
simulated 125 '.*has ended with status 0, .*: no output $' '' "exit 0" "... and neither is one that prints nothing"
simulated 1 '.*FAIL: there is no verdict $' 'OpenSBI v1.5\r\n' "exit 1" "a machine that stops after its firmware has started fails"
simulated 1 '.*FAIL: not ok 1 - a $' 'not ok 1 - a\n1..1\n' "exit 3" "... as does one whose claims fail, whatever the simulator's status"
simulated 1 '.*FAIL: the host panicked $' 'host: panic: x\n' "exit 125" "... and so does one whose host panics, for which QEMU's status is 125"
simulated 1 '.*FAIL: the machine has not ended within the time limit $' '' "exec sleep 5" \
	"a time limit below a millisecond is not taken for none" --timeout 0.0001
simulated 1 '.*FAIL: the machine has not ended within the time limit $' 'hyperscope: x' "trap '' TERM; sleep 20 & wait; wait" \
	"... nor is a simulator that ignores SIGTERM taken for one that has ended" --timeout 1
SPIKE=/bin/ls work smoke --on spike --quiet
like "$status $err" "^125 .*ls has ended with status 2, " "a program that is not Spike is no FAIL"
# This simulator of --faults never opens the socket that gdb waits for.
if command -v gdb-multiarch >/dev/null; then
	printf '#!/bin/sh\n: >"%s"\nexec sleep 60\n' "$tmp/started" >"$tmp/simulator"
	mkdir "$tmp/temporary"
	TMPDIR=$tmp/temporary "$HS_TOP/scripts/hyperscope" workload --out "$tmp/out" smoke --faults=trap-tval --qemu "$tmp/simulator" \
		--expected "$tmp/log" >"$tmp/table" 2>"$tmp/err" &
	pid=$!
	wait_until 100 '[ -e "$tmp/started" ]'
	kill -TERM $pid
	wait_until 50 '! kill -0 $pid 2>/dev/null'
	ok $? "a signal ends --faults before the time limit"
	wait $pid
	is "$?" 143 "... with its own status"
	wait_until 20 '! grep -qz "$tmp/[t]emporary/faults" /proc/[0-9]*/cmdline 2>/dev/null'
	ok $? "... and leaves neither QEMU nor gdb running"
else
	skip "a signal ends --faults before the time limit" "gdb-multiarch is missing"
fi
work smoke --on mars
is "$status" 2 "an unknown simulator is wrong use"
done_testing
