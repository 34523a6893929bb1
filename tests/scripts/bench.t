#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench.t - what scripts/hyperscope bench, compare and kvm-history read and write: logs and CSV files are checked, and
# files are replaced completely or not at all. Here a program that prints given output stands in for the machine;
# tests/boot/bench.t measures.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

cat >"$tmp/qemu" <<'EOF'
#!/bin/bash
case "$*" in
*--version*) echo "QEMU emulator version 10.9.1" ;;
*only=none*) printf 'OpenSBI v1.9\n# sbi: implementation 1 version 0x10009\n' ;;
*-icount*) cat "$LINES_OF_GUEST" ;;
esac
EOF
chmod +x "$tmp/qemu"
export QEMU=$tmp/qemu LINES_OF_GUEST=$tmp/guest
mkdir -p "$tmp/o/guest-payloads"
for file in guest-payloads/bench.bin vmm hyperscope.bin; do
	echo "$file" >"$tmp/o/$file"
done
bench()	# ARGS...: run bench; sets $status, $out (with standard error) and $err
{
	"$HS_TOP/scripts/hyperscope" bench --out "$tmp/o" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	out=$(cat "$tmp/out" "$tmp/err") err=$(<"$tmp/err")
}
rounds()	# FIRST MEDIAN [LAST]: print rounds of the profile bench
{
	for round in $(seq "$1" "${3:-3}"); do
		echo "workload: bench-$round: bench,nothing,cycles,128,1,$2,90,99,5.5,3.0"
		echo "workload: bench-$round: bench,mmio_read,cycles,128,3,$2,90,99,5.5,"
	done
}
build="workload: build: commit abc images def" pass="workload: PASS: "
line=bench,mmio_read,instructions,256,100,100,100,100,100,0

# ---- files that are written ----
{ echo "$build"; rounds 1 20; echo "$pass"; } >"$tmp/log"
echo old >"$tmp/old.csv"
chmod 600 "$tmp/old.csv"
ln -s old.csv "$tmp/link.csv"
bench --from "$tmp/log" --board b --csv "$tmp/link.csv"
is "$status $(readlink "$tmp/link.csv") $(wc -l <"$tmp/old.csv") $(stat -c %a "$tmp/old.csv")" "0 old.csv 3 600" "a CSV file is written through a symbolic link, and keeps its mode"
mkfifo "$tmp/pipe"
cat "$tmp/pipe" >"$tmp/read" &
bench --from "$tmp/log" --board b --csv "$tmp/pipe"
[ -p "$tmp/pipe" ] || kill $!
wait $!
is "$status $(wc -l <"$tmp/read") $(stat -c %F "$tmp/pipe")" "0 3 fifo" "a pipe is written, not replaced"
ln -s /proc/self/fd/1 "$tmp/stdout" # not /dev/stdout: a faulty version would replace it for the whole machine
bench --from "$tmp/log" --board b --csv "$tmp/stdout"
like "$status $(grep -c '^b,' "$tmp/out") $(tail -n 1 "$tmp/out")" "^0 2 .*/stdout: 2 rows" "a CSV file can go to the standard output before the table"
cp "$tmp/old.csv" "$tmp/before"
(
	trap '' XFSZ
	ulimit -f 0 # a write to a regular file fails, as on a full disk
	"$HS_TOP/scripts/hyperscope" bench --out "$tmp/o" --from "$tmp/log" --board c --csv "$tmp/old.csv" 2>&1 | cat >/dev/null
	exit "${PIPESTATUS[0]}"
)
is "$? $(find "$tmp" -name "*new*" | wc -l) $(cmp "$tmp/before" "$tmp/old.csv" 2>&1)" "125 0 " "a write that fails leaves the CSV file as it was, and no other file"

# ---- kvm-history ----
said=$(cd "$HS_TOP/scripts" && python3 -B - "$tmp" "$(head -n 1 "$HS_TOP/notebooks-data/kvm-history.csv")" 2>&1 <<'EOF'
import csv, fcntl, io, os, resource, signal, sys
from hs.bench import report
from hs.commands import kvm_history
folder, heading = sys.argv[1:]
line = dict.fromkeys(heading.split(","), "1")
line.update(system="linux-1.2.3", exit="nothing", toggles="default", cpu="rv64", unit="instructions")
path = os.path.join(folder, "history.csv")
kvm_history.measured = lambda system, options: [line]
kvm_history.fetched = lambda options: []
kvm_history.linuxes.add = lambda out, names, option: ["linux-1.2.3"]
merged = kvm_history.merged
def watched(path, results):
    with open(os.path.join(folder, "o", "kvm-history", "lock"), encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            print("not locked")
        except BlockingIOError:
            print("locked")
    return merged(path, results)
kvm_history.merged = watched
words = ["--out", os.path.join(folder, "o"), "--csv", path, "1.2.3"]
kvm_history.main(words)
before = open(path, encoding="utf-8").read()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
try:
    kvm_history.main(words)
except OSError:
    print("failed,", "same" if open(path, encoding="utf-8").read() == before else "lost")
EOF
)
like "$(tr '\n' ' ' <<<"$said")" '^locked .*history\.csv has been updated locked failed, same $' "kvm-history locks its file, and a write that fails leaves it as it was"
history_refused()	# REGEX ARGS...
{
	timeout "$(scaled 20)" "$HS_TOP/scripts/hyperscope" kvm-history --out "$tmp/o" "${@:2}" >"$tmp/out" 2>"$tmp/err" </dev/null
	like "$? $(cat "$tmp/err")" "^2 kvm-history: $1" "kvm-history refuses ${*:2}"
}
history_refused "--csv '': cannot be written" --csv '' 1.2.3
mkdir "$tmp/k"
cd "$HS_TOP" || exit
history_refused "--csv: name a file for the figures of your own kernel" --csv notebooks-data/kvm-history.csv "own=$tmp/k"
cd - >/dev/null || exit

# ---- logs of boards ----
board()	# STATUS REGEX NAME; standard input is the log
{
	cat >"$tmp/log"
	bench --from "$tmp/log" --board b --csv "$tmp/board.csv"
	like "$status $(tr '\n' ' ' <<<"$out")" "^$1 .*$2" "$3"
}
board 0 'nothing +20\.00  20\.00 to 20\.00' "of a log with several runs, the last one counts" < <(echo "$build"; rounds 1 900; echo "workload: FAIL: x"; echo "workload: build: commit bbb images def"; rounds 1 20; echo "$pass")
is "$(cut -d, -f 4,13 "$tmp/board.csv" | tail -n 1)" 3,bbb "... and its build is stated"
board 2 'the row nothing occurs twice in round 2' "a round that occurs twice is refused" < <(echo "$build"; rounds 1 20; rounds 2 20 2; echo "$pass")
board 125 'the row mmio_read lacks these rounds: 2;' "a round that is missing is reported" < <(echo "$build"; rounds 1 20 | sed '/bench-2: bench,mmio/d'; echo "$pass")
board 0 'not in the log: sbi_version .* ebreak ' "rows of the profile that are missing are named" < <(echo "$build"; rounds 1 20; echo "$pass")
board 0 'nothing .* cycles mmio_read .* ns ' "each row is shown with its unit" < <(echo "$build"; rounds 1 20 | sed '/mmio/s/cycles/ns/'; echo "$pass")
board 125 'the row mmio_read is measured in several units: cycles, ns' "a row in several units is refused" < <(echo "$build"; rounds 1 20 | sed '/-2: bench,mmio/s/cycles/ns/'; echo "$pass")
board 0 '2 rows' "the log of a lab's build is accepted" < <(echo "workload: build: commit abc of lab 03 images def"; rounds 1 20; echo "$pass")
is "$(cut -d, -f 13,14 "$tmp/board.csv" | tail -n 1)" "abc of lab 03,def" "... and its build is stated"
for change in 's/20,9/1.2.3,9/:p50 .1\.2\.3' 's/,128,/,,/:n .' 's/20,90,/20,,/:p99 .' "s/,128,/,$(printf '%0400d' 0 | tr 0 9),/:n .9{40}" 's/,3.0$/,x/:instret .x'; do
	board 2 "the row nothing: ${change##*:}' is not a number" "a figure that is not a number is refused: $(cut -c1-20 <<<"${change%:*}")" \
		< <(echo "$build"; rounds 1 20 | sed "${change%:*}"; echo "$pass")
done
ulimit -Sv 1000000
for change in 's/bench-3/bench-99999999999/:round 99999999999 of the row nothing' 's/20,90,/-5,90,/:p50 -5 is not possible' 's/20,90,/1e308,90,/:p50 1e.308 is not possible' \
	's/20,90,/20,9,/:min, p50, p99, max are not in ascending order'; do
	board 2 "${change##*/:}" "an impossible number is refused: ${change%:*}" < <(echo "$build"; rounds 1 20 | sed "${change%:*}"; echo "$pass")
done
ulimit -Sv unlimited

# ---- --from SYSTEM=LOG ----
from()	# STATUS REGEX LOG NAME ARGS...
{
	printf '%b\n' "$3" >"$tmp/log"
	bench --from "hyperscope=$tmp/log" "${@:5}"
	like "$status $(tr '\n' ' ' <<<"$out")" "^$1 .*$2" "$4"
}
from 2 "there is no row 'nosuch'" "${line/mmio_read/nosuch}" "an unknown row in a log is refused"
from 2 "min 'x' is not a number" "${line/100/x}" "a figure in a log that is no number is refused"
from 2 "min 'nan' is not a number" "${line/100/nan}" "... also if it is nan"
from 2 "the unit 'x' is not one of" "${line/instructions/x}" "an unknown unit in a log is refused"
from 2 "the row mmio_read: mean -5 is not possible" "${line/100,0/-5,0}" "a negative figure in a log is refused"
from 2 "the row mmio_read: n '2.5' is not a number of operations" "${line/256/2.5}" "a number of operations that is not whole is refused"
from 2 "min, p50, p99, max are not in ascending order" "${line/100/200}" "a minimum above the median is refused"
from 2 "more than one line for mmio_read" "$line\n$line" "a row that occurs twice in a log is refused"
for words in "--verify" "--toggles" "--set fp=eager" "--trace kvm_exit" "--cycles" "--single" "--append x" "--exitstat auto"; do
	# shellcheck disable=SC2086 # words
	from 2 "${words%% *}: not with --from" "$line" "with --from, an option without an effect is refused: ${words%% *}" $words
done
from 2 "--cpu: name one processor" "$line" "with --from, --cpu both is refused" --cpu both
from 2 "SYSTEM: with --from, name the systems of the logs" "$line" "with --from, another system is refused" linux
from 0 "mmio_read +- +100" "$line" "with --from, the system of the log can be named" hyperscope
from 0 "" "$line" "the CSV of a log's figures is written" --csv "$tmp/from.csv"
is "$(cut -d, -f 13- "$tmp/from.csv" | tail -n 1)" unknown,unknown,none,,unknown,unknown,unknown,unknown "... and does not claim the provenance of this tree"
from 125 "nothing was measured" "$line" "with --from, --rows counts" --rows sbi_user

# ---- plans ----
said=$(PYTHONPATH=$HS_TOP/scripts python3 -B - 2>&1 <<'EOF'
from collections import Counter
from hs.bench import systems
from hs.commands import bench
for words in ("--toggle switch --toggle wfi", "--set fastpath=off --toggle switch", "--set fp=eager --toggle switch", "--toggle fp --toggle fp",
              "--toggles --toggle fp", "--toggles --set fp=eager --trace kvm_sbi_call", "hyperscope hyperscope", "bare --toggle irqchip --toggle wfi"):
    parser = bench.new_parser()
    options = parser.parse_args(words.split())
    bench.check(parser, options)
    compared = bench.settings(parser, options, options.own)
    jobs = systems.plan(options.systems, options.cpu, compared, bench.wanted_rows(parser, options))
    rows = Counter((job.system, job.cpu, tuple(job.settings()), row) for job in jobs for row in job.rows)
    print(words + ":", max(rows.values()), *[setting.replace(" ", "+") for setting, _ in compared if "switch=full" in setting])
EOF
)
is "$said" "\
--toggle switch --toggle wfi: 1 switch=full fastpath=off+switch=full
--set fastpath=off --toggle switch: 1 fastpath=off+switch=full
--set fp=eager --toggle switch: 1 fp=eager+switch=full fp=eager+fastpath=off+switch=full
--toggle fp --toggle fp: 1
--toggles --toggle fp: 1 switch=full fastpath=off+switch=full
--toggles --set fp=eager --trace kvm_sbi_call: 1 fp=eager+trace=kvm_sbi_call+switch=full fp=eager+trace=kvm_sbi_call+fastpath=off+switch=full
hyperscope hyperscope: 1
bare --toggle irqchip --toggle wfi: 1" "no row is measured twice, and settings of two toggles include that of --set"
bench bare --rows mmio_read --set fp=eager --toggle fp
like "$status $err" "^2 .*--set fp=eager: --toggle measures each value" "a toggle that is both set and compared is refused"

# ---- comparisons ----
printf '%s\n' "$line" >"$tmp/guest"
bench bare --rows mmio_read --csv "$tmp/base.csv"
is "$status $(cut -d, -f 1-8 "$tmp/base.csv" | tail -n 1)" "0 bare,mmio_read,default,rv64,instructions,256,100,100" "the stand-in's figure is measured" || diag "$out"
bench bare --rows mmio_read --cpu both --against "$tmp/base.csv" --limit 2%
like "$status $(tr '\n' ' ' <<<"$err")" '^125 .*not measured on both sides: bare:mmio_read !max' "--limit fails if the file lacks a processor"
printf '#!/bin/bash\ncase "$*" in *-icount*) i=$(cat "%s.n"); echo $((i + 1)) >"%s.n"; echo "${LINE/100,100/10$i,10$i}" ;; *) exec "%s" "$@" ;; esac\n' \
	"$tmp" "$tmp" "$tmp/qemu" >"$tmp/counting"
chmod +x "$tmp/counting"
echo 0 >"$tmp.n"
QEMU=$tmp/counting LINE=$line bench bare --rows mmio_read --verify --against "$tmp/base.csv" --limit 2%
rm -f "$tmp.n"
like "$status $(tr '\n' ' ' <<<"$out")" '^1 .*verify: 1 row, figures that differ: 2 .*0 of them by more than 2 %' "--verify fails, also if no figure has grown by more than --limit"
sed 's/,100,100,100,100,100,/,100,100,900,100,100,/' <<<"$line" >"$tmp/guest"
bench bare --rows mmio_read --statistic p99 --against "$tmp/base.csv" --limit 2%
like "$status $(tr '\n' ' ' <<<"$out")" '^1 .*mmio_read +100 +900 ' "--limit compares the statistic of --statistic"
{ cat "$tmp/base.csv"; sed '1d; s/,100/,900/g' "$tmp/base.csv"; } >"$tmp/twice.csv"
bench bare --rows mmio_read --against "$tmp/twice.csv"
like "$status $err" "^2 .*--against $tmp/twice.csv: more than one line for bare mmio_read default rv64" "two lines for one figure are refused"
sed 's/^bare/hyperscope/' "$tmp/base.csv" >"$tmp/own.csv"
for words in "sbi_user:--rows mmio_read,sbi_user" "on cpu max:--rows mmio_read --cpu both"; do
	# shellcheck disable=SC2086 # words
	said=$("$HS_TOP/scripts/hyperscope" compare --out "$tmp/o" "$tmp/own.csv" ${words#*:} 2>&1 </dev/null)
	like "$? $said" "^125 compare: BASE has none of the rows to compare.*${words%%:*}\$" "compare fails for what BASE lacks: ${words#*:}"
done

# ---- names of kernels ----
kernel()	# FOLDER RELEASE: make a folder with an Image of this release
{
	mkdir -p "$1"
	{ head -c 56 /dev/zero; printf 'RSC\005%0100d' 0; printf "Linux version $2 (a@b) (gcc 1.2.3, ld 2.3) #1 SMP PREEMPT\n"; } >"$1/Image"
}
named()	# FOLDER: print the name of the system, or the refusal
{
	PYTHONPATH=$HS_TOP/scripts python3 -B -c 'import sys
from hs.bench import kernels
from hs.errors import LaunchError
try:
    print(ascii(kernels.add("/none", [sys.argv[1]])))
except LaunchError as error:
    print(error.status, ascii(str(error)))' "$1" 2>&1
}
kernel "$tmp/k1" 7.2.1-own+
kernel "$tmp/k2" '9/../../tmp/x\033[31m'
kernel "$tmp/k 3" '9/x'
is "$(named "$tmp/k1") $(named "$tmp/k2")" "['linux-7.2.1-own+'] ['linux-k2']" "a kernel is named by its release, or by its folder if the release is no name"
like "$(named "$tmp/k 3")" "^2 .*name this kernel LABEL=" "a folder whose name is no label needs one"
done_testing
