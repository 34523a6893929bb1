#!/bin/bash
# SPDX-License-Identifier: MIT
#
# html.t - the page of `hstrace html` has the numbers of `hstrace stat` and `report`, is
# self-contained, and never treats a trace's text as markup. browser.slow.t tests the page's
# behavior in a browser.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

bin=$O/tests/trace
here=$HS_TOP/tests/trace
needs_built "$bin/hstrace" "$bin/mkguest"
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1

# page ARGS...: make $tmp/page.html from ARGS; set $status and $err
page()
{
	rm -f "$tmp/page.html"
	"$bin/hstrace" html --out "$tmp/page.html" "$@" 2>"$tmp/err" >"$tmp/out"
	status=$?
	[ ! -f "$tmp/page.html" ] || cp "$tmp/page.html" "$tmp/page.$((++pages)).html"
	err=$(cat "$tmp/err" "$tmp/out")
}

# agrees TRACE NUMBER NAME: claim that run NUMBER of the page has the numbers of stat and report for TRACE
agrees()
{
	"$bin/hstrace" stat "$1" >"$tmp/stat"
	"$bin/hstrace" report "$1" >"$tmp/report"
	is "$(python3 "$here/html_check.py" "$tmp/page.html" "$2" "$tmp/stat" "$tmp/report" 2>&1)" "" "$3"
}

# ask EXPRESSION: print the value of a Python expression, in which `page` is the page and `run` its run 0
ask()
{
	python3 -c 'import sys
from report_page import Page, expand
page = Page(sys.argv[1])
run = page.run()
print(eval(sys.argv[2]))' "$tmp/page.html" "$1" 2>&1
}

before=
guest()	# FILE HARTS VCPUS EVENTS UNIT META...; $choice: mkguest's CHOICE and RECORDS; $before: a sed script for the RAM
{
	local file=$1 meta=()
	"$bin/mkguest" "$tmp/ram" "$2" "$3" "$4" "$5" "${choice[@]}"
	[ -z "$before" ] || sed -i "$before" "$tmp/ram"
	shift 5
	for word; do meta+=(--meta "$word"); done
	"$bin/hstrace" save "${meta[@]}" "$tmp/ram" "$file"
	rm "$tmp/ram"
}

# ---- a run with all kinds of exits ----
choice=()
guest "$tmp/t" 2 3 6000 instret icount=0 guest=made map=virt toggles='fp=eager vmid=on'
page "$tmp/t"
is "$status$err" 0 "html prints nothing if it succeeds"
agrees "$tmp/t" 0 "every row, bin and event agrees with stat and report"
is "$(ask 'run["unit"], len(run["vcpus"]), len(run["exits"])')" "('instructions', 3, 8)" \
	"the page shows the unit, three vCPUs and eight kinds of exits"
is "$(ask 'sorted(reg["device"] + " " + reg["register"] for reg in run["mmio"])')" \
	"['uart LSR', 'uart RBR/THR']" "device registers are named"
is "$(ask 'sorted(call["ext"] + " " + call["name"] for call in run["calls"])')" \
	"['0x12345678 function 0', 'DBCN console_write', 'TIME set_timer']" "SBI calls are named"
is "$(ask '[e for call in run["calls"] for e in call["errors"] if call["ext"] == "0x12345678"][0][0]')" \
	NOT_SUPPORTED "an SBI call's error is shown"
is "$(ask '[(m["gpa"], m["size"] >> 20, sum(m["leaves"]) == m["faults"][2]) for m in run["memory"]]')" \
	"[('0x80000000', 256, True)]" "the page shows the faults and leaves of a region of guest memory"
is "$(ask 'all(a["cost"] >= b["cost"] for a, b in zip(run["slowest"], run["slowest"][1:])
	if a["title"] == b["title"])')" True "the slowest exits of each kind are sorted by cost"
is "$(ask 'all(w["lines"][0][0] == w["from"] and w["lines"][-1][0] == w["to"] for w in run["slowest"])')" \
	True "the slowest exits are shown with their events from exit to entry"
is "$(ask '["toggles", "fp=eager vmid=on"] in run["meta"]')" True \
	"the page has the launcher's metadata"

# ---- exits by guest function; agrees() compares their causes with the other parts of the page ----
printf '80200000 T io\n80200008 T call\n80200014 T <b>rest\n' >"$tmp/list"
page --kallsyms "$tmp/list" "$tmp/t"
is "$status$err" 0 "html accepts --kallsyms"
agrees "$tmp/t" 0 "with symbols, the page has the same numbers"
"$bin/hstrace" stat --by function --kallsyms "$tmp/list" --sort sum "$tmp/t" >"$tmp/functions"
is "$(python3 - "$tmp/page.html" <<'END'
import sys
from report_page import Page
rows = {}
for part in Page(sys.argv[1]).run()["functions"]:
    row = rows.setdefault(part["id"], [part["function"], 0, 0, 0, 0])
    for i, key in enumerate(("count", "priced", "sum"), 1):
        row[i] += part[key]
    row[4] = max(row[4], part["max"])
for name, count, priced, total, most in sorted(rows.values(), key=lambda row: -row[3]):
    print(count, (total + priced // 2) // priced, most, name)
END
)" "$(awk '$2 ~ /%$/ { print $1, $3, $6, $7 }' "$tmp/functions")" "the page has the functions, counts and costs of stat --by function"
is "$(ask '"<b>" in "".join(page.scripts)')" False "names of functions do not become markup"
page --elf "$tmp/none" "$tmp/t"
is "$status $err" "2 hstrace: $tmp/none: No such file or directory" "html reports a missing file of symbols"
[ ! -e "$tmp/page.html" ]
ok $? "without the symbols that were asked for, no page is written"
page "$tmp/t"
is "$(ask 'sorted({part["function"] for part in run["functions"]})[0], run["symbols"][:11]')" "('unknown 0x80200000', 'no symbols:')" \
	"without symbols, the page shows addresses and says how to get symbols"

# ---- self-contained ----
is "$(ask 'page.links')" "[]" "the page does not refer to other files"
is "$(ask '[word for script in page.scripts for word in ("http:", "https:", "fetch(", "import(", "innerHTML", "eval(",
	"document.write") if word in script.replace("http://www.w3.org/2000/svg", "")]')" "[]" \
	"the page's scripts do not load anything or create HTML from text"
like "$(cat "$tmp/page.html")" "default-src 'none'" \
	"the page's security policy forbids loading anything"
if command -v node >/dev/null; then
	bad=0
	for script in "$HS_TOP"/trace/html/report*.js; do node --check "$script" || bad=1; done
	ok $bad "the page's scripts are valid JavaScript"
	is "$(grep -L "^'use strict';" "$HS_TOP"/trace/html/report*.js)" "" \
		"the page's scripts use strict mode"
else
	skip "the page's scripts are valid JavaScript" "node is not installed"
fi

covered=$(sed -n "/^const COVERED = /,/;\$/p" "$HS_TOP/trace/html/report.js" | tr -d '\n\t' |
	sed "s/^const COVERED = '//; s/' + *'//g; s/';$//; s/’/'/")
like "$(sed 's/\[\([^]]*\)\]([^)]*)/\1/g' "$HS_TOP/docs/trace.md" | tr '\n' ' ')" "${covered:-no text}" \
	"the page says what a cost covers in the words of docs/trace.md"

# ---- two runs, and a part of one ----
guest "$tmp/t2" 1 1 3000 time icount=0
page "$tmp/t" "$tmp/t2"
agrees "$tmp/t" 0 "on a page of two runs, the first has its own numbers"
agrees "$tmp/t2" 1 "on a page of two runs, the second has its own numbers"
page --vcpu 1 "$tmp/t"
is "$(ask '[(v["vm"], v["vcpu"]) for v in run["vcpus"]]')" "[(1, 1)]" \
	"--vcpu selects the vCPU that is drawn"

# ---- some events only: the table shows the host's counters, whatever events were recorded ----
# Each guest makes the same 700 exits.
for events in none kvm_exit kvm_entry kvm_exit,kvm_entry kvm_exit,kvm_sbi_call,kvm_entry '*,!kvm_exit' 'all 512'; do
	read -ra choice <<<"$events"
	guest "$tmp/some" 2 3 700 instret icount=0
	page "$tmp/some"
	agrees "$tmp/some" 0 "events $events: the exit table has the rows and the total of stat"
done
choice=(kvm_exit)
guest "$tmp/some" 2 3 700 instret icount=0
choice=(none)
guest "$tmp/counted" 2 3 700 instret icount=0
page "$tmp/some" "$tmp/counted"
is "$(ask '[[(row["title"], row["count"]) for row in r["exits"]] for r in (page.run(0), page.run(1))].count(
	[(row["title"], row["count"]) for row in run["exits"]])')" 2 "the same run has the same rows whatever events are recorded"
is "$(ask 'sorted(row["title"] for row in run["causes"])')" \
	"['ecall_vs', 'load_guest_page_fault', 'store_guest_page_fault', 'virtual_inst']" \
	"causes without further detail in the events are listed separately, for the graphs over time"

# ---- an exit's class: from its last record or, in older traces, inferred from its events ----
titles='[(row["title"], row["seen"]) for row in run["exits"]]'
choice=()
guest "$tmp/all" 2 3 6000 none icount=0
page "$tmp/all"
classes=$(ask "$titles")
like "$classes" "'mmio read, user space', .*'sbi, user space'" \
	"without accounting, exit classes are taken from the events"
like "$("$bin/hstrace" report --events kvm_entry "$tmp/all")" ' kvm_entry: pc=0x8020000c class=SBI_USER$' \
	"report shows exit classes by name"
is "$("$bin/hstrace" report --filter 'kvm_userspace_exit: class == MMIO_READ_USER' "$tmp/all" | grep -c 'reason=MMIO.*class=MMIO_READ_USER$')" \
	"$("$bin/hstrace" report "$tmp/all" | grep -c 'class=MMIO_READ_USER$' | awk '{ print $1 / 2 }')" \
	"report's filters accept exit classes by name"
before='s/class:class/hexxx:klass/g'
guest "$tmp/old" 2 3 6000 none icount=0
page "$tmp/old"
is "$(ask "$titles")" "$classes" "a trace whose records lack the class has the same rows"
is "$(ask "[(t, sum(f['count'] for f in run['functions'] if f['cause'] == t)) for t, _ in $titles]")" "$classes" \
	"a trace whose records lack the class has the same exits by function"
before+='; s/class sbi, other #/class sbi, older #/'
guest "$tmp/old" 2 3 6000 none icount=0
page "$tmp/old"
is "$(ask 'sum(row["seen"] for row in run["exits"] if row["title"] == "ecall_vs")')" \
	"$(sed "s/.*'sbi, other', \([0-9]*\).*/\1/" <<<"$classes")" \
	"an exit is counted under its cause if the trace's table does not have its class"
before=
choice=(kvm_exit,kvm_entry)
guest "$tmp/some" 2 3 700 none icount=0
page "$tmp/some"
is "$(ask '[row["title"] for row in run["exits"] if "guest_page_fault" in row["title"] or row["title"] == "ecall_vs"]')" "[]" \
	"kvm_exit and kvm_entry suffice to find exit classes"
choice=()

# ---- levels of nested virtualization ----
is "$(ask 'run["levels"], [row.get("levels") for row in run["exits"]][0], {v["ticks"][4] for v in run["vcpus"]}')" "(None, None, {0})" \
	"without nested virtualization, the page has no levels"
"$bin/mkram" "$tmp/ram" 2 5 instret nested
"$bin/hstrace" save "$tmp/ram" "$tmp/nested"
page "$tmp/nested"
is "$(ask '{row["title"]: row["levels"] for row in run["causes"] + run["exits"] if sum(row["levels"])}')" \
	"{'wfi': [2, 0], 'trap given to guest': [0, 10], 'hypervisor instruction': [24, 2], 'fault on RAM, store': [0, 10]}" \
	"exits are counted by cause and level"
is "$(ask '[(k["byL1"], k["title"], k["count"], k["steps"], k["l0"], k["l1"]) for k in run["levels"]["kinds"]]')" \
	"[(True, 'ecall_vs', 10, 32, 6500, 22000), (False, 'fault on RAM, store', 10, 10, 4000, 0)]" \
	"the page has the exits of L2, and the number and cost of the exits to L0 that they cause"
is "$(ask 'run["levels"]["kinds"][0]["example"]')" "[['trap given to guest', 0, 100], ['write hstatus', 1000, 200], ['sret', 1000, 300]]" \
	"the shortest and cheapest exit of L2 is unfolded into the exits to L0 that it causes, in order"
is "$(ask '[(v["ticks"][0], v["ticks"][4]) for v in run["vcpus"]]')" "[(130, 110), (130, 110)]" "the time of a vCPU is divided between L1 and L2"
page "$tmp/t" "$tmp/nested"
is "$(ask '[r["levels"] is None for r in (page.run(0), page.run(1))]')" "[True, False]" "one of two runs may have levels"

# ---- shares of time and of exits ----
unknown='[(run["hasStates"], v["before"] > 0, v["after"], v["ticks"][0] > 0) for v in run["vcpus"]]'
guest "$tmp/keep" 1 1 700 instret icount=0
page "$tmp/keep"
is "$(ask "$unknown")" "[(True, True, 0, True)]" \
	"a vCPU's state before its first event is unknown, and its last state lasts to the end"
MKGUEST_DESTROY=1 guest "$tmp/keep" 1 1 700 instret icount=0
page "$tmp/keep"
is "$(ask "$unknown")" "[(True, True, 500, True)]" "a vCPU's state is unknown after its VM has been destroyed"
is "$(ask 'run["vcpus"][0]["ticks"][2] > 5000')" True "a vCPU is in the VMM after a KVM_RUN that did not run the guest"
choice=(kvm_exit)
guest "$tmp/keep" 2 2 700 instret icount=0
page "$tmp/keep"
is "$(ask "$unknown")" "[(False, True, 0, False), (False, True, 0, False)]" \
	"without kvm_entry, the states are unknown in the whole run"
choice=(all 128)
MKGUEST_KEEP=1 guest "$tmp/keep" 2 3 700 instret icount=0
page "$tmp/keep"
agrees "$tmp/keep" 0 "if rings keep their oldest records, the numbers agree with stat and report"
is "$(ask 'sorted(v["after"] > 0 for v in run["vcpus"])[-1], max(sum(v["ticks"]) for v in run["vcpus"]) < run["span"]')" \
	"(True, True)" "if rings keep their oldest records, states are unknown after the last event"
choice=()
guest "$tmp/keep" 1 1 700 instret icount=0
"$here/drop.py" "$tmp/keep" "$tmp/gap" 200 200
page "$tmp/gap"
agrees "$tmp/gap" 0 "if records are missing in the middle, the numbers agree with stat and report"
ticks=$("$bin/hstrace" report "$tmp/gap" | awk '!/^#/ { t[++n] = $1 } END { printf "%.0f", (t[201] - t[200]) * 1e7 }')
is "$(ask "[v['lost'] >= $ticks > 1000 for v in run['vcpus']]")" "[True]" "a vCPU's state is unknown where records are missing"
total=
for events in 1 3 6 7 11 13 17 19 23 29 700; do
	choice=(none)
	guest "$tmp/share" 1 1 $events instret icount=0
	"$bin/hstrace" stat "$tmp/share" >"$tmp/stat"
	total+="$(sed -n 's/^.\{23\} *[0-9]* *\([0-9.]*\)%.*/\1/p' "$tmp/stat" | awk '{ n += $1 } END { printf "%.2f ", n }')"
done
is "$total" "$(printf '100.00 %.0s' {1..11})" "the shares that stat prints add up to 100.00 %"
choice=()
mkdir "$tmp/totals"
checked totals.py "" python3 "$here/totals.py" "$O/hstrace" "$bin/mkguest" "$HS_TOP/trace/html/report_base.js" "$tmp/totals"

# ---- few events, many vCPUs ----
guest "$tmp/none" 1 1 0 instret
page "$tmp/none"
is "$status $(ask 'run["seen"], run["exits"], run["vcpus"]')" "0 (0, [], [])" "html accepts a trace without events"
guest "$tmp/one" 1 1 1 none
page "$tmp/one"
is "$status $(ask 'run["seen"] >= 1, run["accounted"], run["span"] > 0')" "0 (True, False, True)" \
	"html accepts a trace with one event"
page --last 1 "$tmp/t"
is "$status $(ask 'run["seen"], run["span"], len(run["last"]["lines"])')" "0 (1, 1, 1)" \
	"html accepts --last 1"
guest "$tmp/none" 2 2 2000 none
page "$tmp/none"
is "$status $(ask 'run["unit"], run["accounted"], sum(row["seen"] for row in run["exits"]) > 50')" \
	"0 ('none', False, True)" "without accounting, exits are counted from the events"
guest "$tmp/two" 2 2 2000 instret icount=1 harts=2
page "$tmp/two"
is "$(ask 'run["unit"], len(run["slowest"]), sum(call["priced"] for call in run["calls"])')" "('none', 0, 0)" \
	"if harts share one counter, the page does not show costs"
guest "$tmp/many" 32 64 40000 time
page "$tmp/many"
agrees "$tmp/many" 0 "the numbers of 64 vCPUs on 32 harts agree with stat and report"
is "$(ask 'sum("time" in v for v in run["vcpus"]), run["bins"]')" "(64, 512)" \
	"all 64 vCPUs are drawn, with fewer bins"
[ "$(stat -c %s "$tmp/page.html")" -lt 1500000 ]
ok $? "the page of 64 vCPUs is smaller than 1.5 MB" || diag "$(stat -c %s "$tmp/page.html") bytes"

# ---- hostile text in a trace ----
nasty=$'</script><script>alert(1)</script><!-- \x01\xff\xc0\xaf \xed\xa0\x80 "\\'
guest "$tmp/bad" 1 1 300 instret "guest=$nasty" "$nasty" "=" "icount=0"
python3 - "$tmp/bad" <<'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
for old, new in ((b"# the guest executed WFI\n", b"# </script><!--\xff\xfe& \x02\n"),
                 (b"class sbi, user space #", b"class </script><b>\xff'\" #")):
    assert old in data
    data = data.replace(old, new[:-1].ljust(len(old) - 1) + new[-1:])
at, total = len(data) - 24, 0xcbf29ce484222325 # the END section: its header, then the checksum
for (word,) in struct.iter_unpack("<Q", data[:at]):
    total = (total ^ word) * 0x9e3779b97f4a7c15 & (1 << 64) - 1
    total ^= total >> 29
open(sys.argv[1], "wb").write(data[:-8] + struct.pack("<Q", total))
END
page "$tmp/bad"
is "$status" 0 "html accepts a trace with hostile text"
is "$(ask 'len(page.scripts), page.tags.count("script"), "alert(1)" in "".join(page.scripts)')" \
	"(5, 6, False)" "hostile text does not become markup"
is "$(ask '([v for k, v in run["meta"] if k == "guest"][0].startswith("</script><script>alert(1)"),
	any("</script><b>" in row["title"] for row in run["exits"]))')" "(True, True)" "hostile text is kept as text"
is "$(grep -c $'\xff\|\x01' "$tmp/page.html")" 0 "a page with hostile text is valid UTF-8"

# ---- anatomy ----
cat >"$tmp/anatomy" <<'END'
stage                 hyperscope              linux
guest                          2   0.1%           2   0.1%
CSR swap                      33   2.3%          34   1.0%
sum                           35                 36
other paths                +0.00             +87.68
END
page --anatomy "$tmp/anatomy" "$tmp/t"
is "$(ask 'page.data["anatomy"][0]["systems"], page.data["anatomy"][0]["stages"]')" \
	"(['hyperscope', 'linux'], [['guest', 2, 2], ['CSR swap', 33, 34], ['sum', 35, 36]])" \
	"--anatomy reads the table of scripts/hyperscope anatomy"
page --anatomy "$tmp/t2" "$tmp/t"
is "$status $err" "2 hstrace: $tmp/t2: not a table that scripts/hyperscope anatomy prints" \
	"a file without an anatomy table is refused"
[ -z "$(ls "$tmp"/page.html* 2>/dev/null)" ]
ok $? "a refused anatomy file leaves no page"
for n in 8 9; do
	printf 'stage               %s\nguest               %s\nsum                 %s\n' "$(printf ' s%s' $(seq $n))" \
		"$(printf ' 1%.0s' $(seq $n))" "$(printf ' 1%.0s' $(seq $n))" >"$tmp/anatomy"
	page --anatomy "$tmp/anatomy" "$tmp/t"
	[ "$n" = 9 ] || is "$status $(ask 'page.data["anatomy"][0]["stages"]')" \
		"0 [['guest', 1, 1, 1, 1, 1, 1, 1, 1], ['sum', 1, 1, 1, 1, 1, 1, 1, 1]]" "--anatomy reads a table of 8 systems"
done
is "$status $err" "2 hstrace: $tmp/anatomy: the table has more than 8 systems" \
	"--anatomy refuses a table of 9 systems"

# ---- refusals ----
head -c $(($(stat -c %s "$tmp/t") - 50000)) "$tmp/t" >"$tmp/cut"
page "$tmp/cut"
is "$status $(wc -l <"$tmp/err") $(ask '(bool(run["damage"]), run["seen"] > 4000)')" "1 1 (True, True)" \
	"a truncated file's page reports the damage, and so does one line on standard error"
head -c 100 "$tmp/t" >"$tmp/cut"
page "$tmp/cut"
is "$status $(wc -l <"$tmp/err") $(ls "$tmp"/page.html* 2>/dev/null)" "1 1 " \
	"no page is written for an unreadable file"
cp "$tmp/err" "$tmp/keep.html"
"$bin/hstrace" html --out "$tmp/keep.html" "$tmp/nothing" 2>"$tmp/err2"
[ $? = 2 ] && [ -s "$tmp/keep.html" ] && cmp -s "$tmp/err" "$tmp/keep.html" && grep -q 'No such file' "$tmp/err2"
ok $? "an existing page is kept if the trace is missing"
mkdir "$tmp/links"
cp "$tmp/err" "$tmp/links/kept"
ln -s kept "$tmp/links/page"
ln -s kept "$tmp/links/page.part"
"$bin/hstrace" html --out "$tmp/links/page" "$tmp/nothing" 2>"$tmp/err2"
cmp -s "$tmp/err" "$tmp/links/kept"
ok $? "an existing page behind a link is kept if the trace is missing"
"$bin/hstrace" html --out "$tmp/links/page" "$tmp/one" 2>"$tmp/err2"
is "$? $(cmp "$tmp/err" "$tmp/links/kept") $(grep -c '<!doctype html>' "$tmp/links/page")" "0  1" \
	"a link is replaced by the page, and another file's link is not followed"
page "$tmp/t" "$tmp/t2" "$tmp/one"
is "$status" 2 "three files are a usage error"
page --frob "$tmp/t"
is "$status" 2 "an unknown option is a usage error"
page --out
is "$status" 2 "an option without its value is a usage error"
"$bin/hstrace" html --out "$tmp/no/page" "$tmp/t" 2>"$tmp/err"
is "$? $(cat "$tmp/err")" "1 hstrace: $tmp/no/page: cannot be written: No such file or directory" "a missing folder is reported"
if [ -c /dev/full ]; then
	"$bin/hstrace" html --out /dev/full "$tmp/t" 2>"$tmp/err"
	is "$? $(cut -d: -f1-3 "$tmp/err")" "1 hstrace: /dev/full: cannot be written" \
		"a full disk is reported"
	[ -c /dev/full ]
	ok $? "a failed write does not remove the device"
fi
"$bin/hstrace" html --help >"$tmp/help"
[ $? = 0 ] && [ "$(awk 'length > 80' "$tmp/help" | wc -l)" = 0 ] && grep -q -- --anatomy "$tmp/help"
ok $? "--help lists the options, in 80 columns"

if command -v node >/dev/null; then
	is "$(node "$here/page_runs.js" "$tmp"/page.*.html 2>&1)" "" "the scripts of all these pages run without an error"
else
	skip "the scripts of all these pages run without an error" "node is not installed"
fi

done_testing
