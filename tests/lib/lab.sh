# SPDX-License-Identifier: MIT
#
# lab.sh - functions for the tests of labs (labs/README.md). Source it after tap.sh.
#
#   variant NAME              print a value of the student's variant, from $HS_VARIANT (JSON) or lab.json
#   variant --line            print all values that are numbers or registers, as NAME=NUMBER...
#   payload NAME [WORD...]    run a payload in a VM with WORDs on its command line; repeat its claims as
#                             claims of this test, and print the last output if it did not run to completion
#                             or ended with another status than the reference (0 without a reference)
#   asked NAME [WORD...]      run the last payload again, but do not repeat its claims; use claim after it
#   claim TEXT [NAME]         claim, as NAME if given, that the payload's claim that contains TEXT held; its
#                             number is that of the run before, because the seal does not cover the text
#   boots NAME=VALUE [OPTION...]
#                             claim that a guest and the payload timer run to completion under this toggle
#   options OPTION...         set options of scripts/hyperscope for the payloads that follow
#   under TEXT                append TEXT to each claim of the payloads that follow, in parentheses
#   saved OPTION...           save each payload that follows while it runs, with these options (--save-on ...),
#                             and restore it in another machine; payload claims that this succeeds
#   between COMMAND           run COMMAND between save and restore; the saved file is $tmp/saved
#   answer NAME               print a value of answers.txt
#   answered NAME WANT [PERCENT]
#                             claim that this value is WANT, or within PERCENT percent of WANT
#
# Neither a line on the console nor an exit status proves that a claim held: the student's hypervisor
# and VMM can print such a line and end the machine in any way. A claim counts only if it has the seal
# of this run's key, which is given only to the payload (scripts/hs/grade/seal.py). If there is a
# reference solution, the expected claims are those that the payload makes on it; if it does not run to
# completion there, the test bails out, which ends the grading. $claims holds the claims that count, and
# $out and $err hold the output.
#
# A machine that hangs is ended after 20 scaled seconds, or after six times the time that the reference
# took if that is longer. The test then ends too, because its other runs would probably hang as well.

HS_SECONDS=${HS_SECONDS:-20}
seal=$HS_TOP/scripts/hs/grade/seal.py
on_host=(--host "${HS_HOST:-own}")
lab_options=()
options()
{
	lab_options=("$@")
}

lab_under=
under()
{
	lab_under=" ($1)"
}

lab_saved= lab_between=true
saved()
{
	lab_saved=yes save_options=("$@")
}

between()
{
	lab_between=$1
}

variant()
{
	python3 -c 'import json, os, re, sys
text = os.environ.get("HS_VARIANT", "")
made = json.loads(text) if text else json.load(open(sys.argv[2]))["variant"]
if sys.argv[1] != "--line":
    print(made[sys.argv[1]])
for name, value in made.items() if sys.argv[1] == "--line" else ():
    if isinstance(value, int) or re.fullmatch("[as][0-9]+", value):
        print("%s=%s" % (name, re.sub("[as-]", "", str(value))))' "$1" "$HS_TOP/lab.json"
}

# Run payload COPY of BUILD with WORDS on its command line, save the machine while it runs, call
# $lab_between, and restore the machine, with a line of input. Sets what hs sets: $out and $err hold
# the output of both runs, $took is the sum of their times, and $status is the status of the restored
# machine. If the first machine fails, nothing is restored, and these variables describe the first run
# only.
run_halves()	# BUILD COPY WORDS
{
	local err1 took1
	rm -f "$tmp/saved"
	O=$1 hs run "${on_host[@]}" --quiet --trace none ${lab_options[@]+"${lab_options[@]}"} --save "$tmp/saved" \
		${save_options[@]+"${save_options[@]}"} --append "$3" "$2"
	[ "$status" = 0 ] || return
	err1=$err took1=$took
	mv "$tmp/out" "$tmp/first"
	$lab_between
	echo >"$tmp/in"
	O=$1 hs run "${on_host[@]}" --quiet --trace none ${lab_options[@]+"${lab_options[@]}"} --restore "$tmp/saved"
	rm "$tmp/in"
	cat "$tmp/first" "$tmp/out" >"$tmp/both" && mv "$tmp/both" "$tmp/out"
	out=$(tr -d '\0' <"$tmp/out")
	err=$err1$'\n'$err took=$((took + took1))
}

# Run payload NAME of BUILD with a new key and WORDs on its command line. Sets $claims to the claims that
# have the key's seal, and sets what hs sets; the seals are removed from $out.
run_sealed()	# BUILD NAME [WORD...]
{
	local build=$1 name=$2 key words
	shift 2
	key=$(python3 "$seal" put "$build/guest-payloads/$name.bin" "$tmp/$name.bin") || exit 1
	words="$* $(quirks | xargs)"
	if [ "$lab_saved" ]; then
		run_halves "$build" "$tmp/$name.bin" "$words"
	else
		O=$build hs run "${on_host[@]}" --quiet --trace none ${lab_options[@]+"${lab_options[@]}"} \
			--append "$words" "$tmp/$name.bin"
	fi
	claims=$(python3 "$seal" check "$key" <"$tmp/out")
	out=$(sed -E 's/ \[[0-9a-f]{16}\]//' <<<"$out" | tr -d '\r')
}

asked()	# NAME [WORD...]
{
	run_sealed "$O" "$@"
	[ "$status" != 124 ] || ok 1 "$1 runs to completion" || last_words
	ends_if_hung
}

# End this test if the last machine hung.
ends_if_hung()
{
	[ "$status" = 124 ] || return 0
	diag "the machine hangs: the rest of this test was not run"
	done_testing
}

# Print the last lines of output, to help find the reason.
last_words()
{
	printf '%s\n' "$out" | grep -v '^$' | tail -n 4 | cut -c1-200 | sed 's/^/# /'
	printf '%s\n' "$err" | grep -v '^$' | tail -n 4 | cut -c1-200 | sed 's/^/# /'
	if [ "$status" = 139 ]; then	# the VMM printed nothing itself
		diag "the VMM has touched memory that is not its own (signal 11)"
	fi
}

# Print the diagnostics of failed claim N: the lines after it, and also the lines before it, because
# a helper may print its findings before its caller makes the claim. Lines that follow another
# failed claim belong to that claim.
reasons()	# N; the payload's output on standard input
{
	awk -v n="$1" '/^(not )?ok [0-9]+ - / {
			if (found)
				exit
			failed = $1 == "not"
			found = failed && $3 == n
			if (found)
				printf "%s", before
			before = ""
			next
		}
		/^1\.\./ && found { exit }
		/^# / && found { print; next }
		/^# / && !failed { before = before $0 "\n" }'
}

# Print the number of claims in the TAP plan of CLAIMS, or nothing if there is no plan.
plan_of()	# CLAIMS
{
	sed -n 's/^1\.\.//p' <<<"$1"
}

expected=	# the claims that the last payload has to make
payload()
{
	local mine said line number text found ended=0 failed_before=$tests_failed HS_SECONDS=$HS_SECONDS
	expected=
	if [ -n "${HS_REFERENCE:-}" ]; then	# run the reference first: a test may read the last run's trace
		HS_SECONDS=60 run_sealed "$HS_REFERENCE" "$@"
		expected=$claims ended=$status
		[ "$status" != 124 ] && [ "$(plan_of "$expected")" ] || {
			echo "Bail out! The reference solution ended with status $status in $1"
			last_words
			exit 1
		}
		[ $((took * 6)) -le "$(scaled "$HS_SECONDS")" ] || HS_SECONDS=$((took * 6 / $(scaled 1) + 1))
	fi
	run_sealed "$O" "$@"
	mine=$claims said=$out
	if [ "$lab_saved" ]; then	# if the save fails, the guest continues, and its claims hold in the first machine
		[ -s "$tmp/saved" ] && [ "$status" = 0 ]
		ok $? "$1: the machine is saved and restored$lab_under" || last_words
	fi
	[ -n "${HS_REFERENCE:-}" ] || expected=$claims
	while IFS= read -r line; do
		number=$(sed -nE 's/^(not )?ok ([0-9]+) - .*/\2/p' <<<"$line")
		[ "$number" ] || continue
		text=${line#*ok "$number" - }
		found=$(grep -E "^ok $number - " <<<"$mine")
		[ "$found" ] && [[ $found != *" # SKIP "* || $text == *" # SKIP "* ]]
		ok $? "$text$lab_under" || reasons "$number" <<<"$said"
	done <<<"$expected"
	# A payload whose claims all hold ends with the reference's status, unless the host or the VMM fails after it.
	[ "$(plan_of "$mine")" ] && [ "$(plan_of "$mine")" = "$(plan_of "$expected")" ] &&
		{ [ "$status" = "$ended" ] || [ "$tests_failed" != "$failed_before" ]; }
	ok $? "$1 runs to completion$lab_under" || { last_words; diag "status $status"; }
	ends_if_hung
}

boots()
{
	hs run "${on_host[@]}" --quiet --set "$@" hello
	is "$status" 0 "the guest runs to completion ($*)" || {	# stop: another boot would fail too
		diag "$err"
		ends_if_hung
		return
	}
	options --set "$@"
	payload timer
}

claim()
{
	local line number
	number=$(grep -F -- "$1" <<<"$expected" | sed -nE '1s/^(not )?ok ([0-9]+) - .*/\2/p')
	line=$(grep -E "^ok ${number:-none} - " <<<"$claims")
	[[ $line && $line != *" # SKIP "* ]]
	ok $? "${2:-$1}" || last_words
}

# ---- labs whose answer is a file ----

# Print the value after "NAME:" in answers.txt, in lower case.
answer()	# NAME
{
	sed -n "s/^$1:[[:space:]]*//p" "$HS_TOP/answers.txt" | head -n 1 | tr -d '\r' | tr 'A-Z' 'a-z' | sed 's/[[:space:]]*$//'
}

# Claim that answer NAME equals WANT, as a number or a name, or is within PERCENT percent of WANT.
# WANT is not printed.
answered()	# NAME WANT [PERCENT]
{
	[ "$2" ] || { ok 1 "$1: the grader knows the answer"; return; }
	python3 -c '
import sys
def number(text):
    made = int(text, 16) if text.startswith("0x") else float(text)
    if made != made:    # a comparison with nan is always false, so nan would be accepted
        raise ValueError
    return made
got, want, percent = sys.argv[1:]
try:
    sys.exit(abs(number(got) - number(want)) > number(want) * float(percent) / 100)
except ValueError:
    sys.exit(got != want)' "$(answer "$1")" "${2,,}" "${3:-0}"
	ok $? "$1 is the value that the run shows" || diag "answered: '$(answer "$1")'"
}
