#!/bin/bash
# SPDX-License-Identifier: MIT
#
# walk.t - every walkthrough plays, its expectations hold, and its page is current. Each of these checks is shown
# to fail on wrong input.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "each tour sets the toggles that it is about" all

# ---- the text of a tour and of a page, without a machine ----

said=$(timeout "$(scaled 60)" python3 -B - "$HS_TOP/scripts" "$tmp/odd.tour" 2>&1 <<'E2'
import os
import sys

sys.path.insert(0, sys.argv[1])
from hs.gdb import page, tour  # noqa: E402

HEAD = "title: T\nguest: hello\nintro\n"
STEP = "## one\nbefore\n> stepi\nexpect: pc changed\nafter\n"


def claim(condition, name):
    print("%sok - %s" % ("" if condition else "not ", name))


def refused(text, words):
    try:
        tour.parse(text, "x.tour")
    except tour.Wrong as error:
        return words in str(error)
    return False


one = tour.parse(HEAD + STEP + STEP + "# Questions\nwhy?\n", "x.tour")
claim(one.name == "x" and one.intro == "intro" and [s.number for s in one.steps] == [1, 2], "header, prose and steps are distinguished")
claim([i.kind for i in one.steps[0].items] == ["command", "expect", "text"], "a step's items are in the order of the text")
claim(one.sections == [("Questions", "why?")], "sections for the page alone are kept apart")
claim(tour.parse_expect("guest.sepc is then + 4") == tour.Expect("guest.sepc", "is", "then", 4), "an expectation may have an offset")
claim(tour.parse_expect("{$pc & 3} is not 0").verb == "is not", "an expectation's field may be an expression")
try:
    with open(sys.argv[2], "wb") as odd:
        odd.write(b"\xff\xfe")
    tour.load(sys.argv[2])
except tour.Wrong as error:
    claim("not text in UTF-8" in str(error), "refused: a file that is not UTF-8 text")
for text, words, name in (
        ("guest: hello\n" + STEP, "x.tour:1: there is no 'title:'", "a tour without a title"),
        (HEAD, "no step", "a tour without steps"),
        (HEAD + "> stepi\n", "x.tour:4: 'stepi' is before the first step", "a command before the first step"),
        (HEAD + "## one\n> stepi\nexpect: pc changed\n", "begins with a sentence", "a step that does not say what will happen"),
        (HEAD + "## one\nbefore\n> stepi\n", "expects nothing", "a step that expects nothing"),
        (HEAD + "## one\nbefore\nexpect: pc changed\n", "has no command", "a step without a command"),
        (HEAD + "## one\nbefore\n> stepi\nexpect: pc equals 5\n", "x.tour:7: 'pc equals 5' is not an expectation", "an invalid expectation"),
        (HEAD + "## one\nbefore\n> stepi\nexpect: said (\n", "x.tour:7:", "a broken regular expression")):
    claim(refused(text, words), "refused: " + name)

things = {0x80001000: "the VM's root", 0xffffffff80030000: "vcpu_exit_vector"}
names = page.Names(lambda v: things.get(v, ""), lambda v: "host" if 0xffffffc000000000 <= v < 0xffffffd000000000 else "")
claim(names.text("pc 0xffffffff80030000 a7 0x10 x 0x2000000") == "pc <vcpu_exit_vector> a7 0x10 x 0x2000000",
      "a page names addresses that have a meaning, and keeps constants")
claim(names.text("a 0xffffffc000001010 b 0xffffffc000002000 c 0xffffffc000001000") == "a <host 1+...> b <host 2> c <host 1>",
      "a page numbers the other addresses, with one number per memory page")
claim(names.text("  level 4 [  2] at 0x80001010: 0x0000000020000801  table 0x80002000") ==
      "  level 4 [  2] at <page 1+0x10>: <page 2 V>  table <page 2>", "a page-table entry is shown as its page and its flags")
claim(names.text("83\t\tREG_S x1\n  src/kvm/exit/switch.S:83") == "REG_S x1\n  src/kvm/exit/switch.S", "line numbers are left out of a page")
E2
)
relay "$said"
unlike "$said" "Traceback" "the tests of tours and pages raise no exception"

# ---- usage errors ----

. "$HS_TOP/tests/scripts/walk.sh"
for words in "" --nonsense no-such-tour "--auto $tmp/none.tour"; do
	# shellcheck disable=SC2086 # words on purpose
	said=$(walk $words)
	is "$? $(grep -c '^\(scripts/\)\?walk: ' <<<"$said")" "2 1" "scripts/hyperscope walk $words is refused in one sentence" || diag "$said"
done
sed 's/^guest: .*/guest: exec/' "$HS_TOP/scripts/gdb/tours/null-sbi.tour" >"$tmp/program.tour"
printf '#!/bin/sh\necho QEMU emulator version 8.2.2\n' >"$tmp/older" && chmod +x "$tmp/older"
like "$(QEMU=$tmp/older walk --auto "$tmp/program.tour")" "^walk: program.tour: 'guest: exec' needs a program" \
	"a tour of a program without its name is refused before the QEMU version is checked"
like "$(QEMU=$tmp/older walk --auto null-sbi)" "^walk: this QEMU does not tell gdb .* QEMU 10.0 does" "a QEMU that is too old for tours is reported"
said=$(walk null-sbi)
like "$? $said" '^2 walk: standard input cannot provide keys: .* --auto' "a tour without a terminal is refused, and the message names --auto"
like "$(walk --list)" "^null-sbi +Null SBI call" "--list prints the tours with their titles"

# ---- on the machine ----

why=$(why_no_tours)
[ -z "$why" ] || { skip "the tours" "$why"; done_testing; }

for name in $(walk --list | cut -d' ' -f1); do
	tour_plays "$name"
done

said=$(timeout "$(scaled 60)" "$HS_TOP/scripts/hyperscope" walk null-sbi <<<q 2>&1)
is "$? $(tail -n 1 <<<"$said")" "0 (walk) " "a tour that is quit at its first prompt prints nothing about a trace" || diag "$said"

# Each of these must fail: a tour with a wrong value at its first stop, one with a wrong function
# for an address, and an outdated page.
sed '/^## The answer/,$d; s/^expect: a7 is 0x10/expect: a7 is 0x11/' "$HS_TOP/scripts/gdb/tours/null-sbi.tour" >"$tmp/null-sbi.tour"
said=$(walk --auto "$tmp/null-sbi.tour")
is $? 1 "an expectation that does not hold fails the tour"
like "$said" "null-sbi, step 1 .*, line [0-9]+: a7: wanted 0x11, got 0x10" "a failed expectation is reported with its place, and the wanted and actual values" || diag "$said"
sed '/^## The handler in C/,$d; s/ in sbi_call6/ in payload_main/' "$HS_TOP/scripts/gdb/tours/null-sbi.tour" >"$tmp/null-sbi.tour"
said=$(walk --auto "$tmp/null-sbi.tour")
like "$said" "^walk: .*: sepc: wanted in payload_main, got 0x[0-9a-f]+ \(sbi_call6\+" "an expectation about an address in another function fails"
sed '/^## The handler in C/,$d' "$HS_TOP/scripts/gdb/tours/null-sbi.tour" >"$tmp/null-sbi.tour"
said=$(walk --check "$tmp/null-sbi.tour")
status=$?
if grep -q "not compared" <<<"$said"; then
	skip "a page that differs from the session fails the check" "$(grep -o 'pages are of.*' <<<"$said")"
else
	like "$status $said" "^1 " "a page that differs from the session fails the check"
	like "$said" "^-## 2. The handler in C" "the difference between page and session is shown"
fi
is "$(left_running)" "" "nothing is left running"
done_testing
