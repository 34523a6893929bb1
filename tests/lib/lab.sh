# SPDX-License-Identifier: MIT
#
# lab.sh - for the tests of labs (labs/README.md); after tap.sh.
#
#   variant NAME              a value of the student's variant, from $HS_VARIANT (JSON) or lab.json
#   variant --line            all that are numbers, and registers by their number: NAME=VALUE...
#   payload NAME [WORD...]    run a payload in a VM, WORDs on its command line; its claims are this
#                             test's own, and what stopped the machine is told
#   asked NAME [WORD...]      run it, and claim nothing: then
#   claim TEXT [NAME]         the payload's claim with this text (a part of it) held
#   boots NAME=VALUE [OPTION...]
#                             a guest comes to its end under this toggle, and the payload timer, too
#   options OPTION...         of scripts/hyperscope, for the payloads from here on
#   under TEXT                what the payloads' claims from here on are held under: said behind each
#   saved OPTION...           each of them is saved on its way, OPTIONs (--save-on ...) say how, and goes on
#                             in another machine; between COMMAND runs it in between: $tmp/saved is the file
#   answer NAME               a value of answers.txt; answered NAME WANT [PERCENT] claims it
#
# Neither a line on the console nor a status says that a claim held: the student's hypervisor and VMM
# print there, and end the machine as they like. What counts has the seal of this run's key, which the
# payload alone was given (scripts/hs/grade/seal.py). Where there is a reference solution, the claims
# to be made are those that the payload makes on it. $claims has them, $out and $err what was said.
#
# A machine that hangs is ended after 20 scaled seconds, or six times what the reference took, and the
# test with it: whatever else it would run is likely to hang as well.

HS_SECONDS=${HS_SECONDS:-20}
seal=$HS_TOP/scripts/hs/grade/seal.py
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

# Both halves' console in $tmp/out and $out; the status is the second's, if there is one.
run_halves()	# BUILD COPY WORDS
{
	local err1 took1
	rm -f "$tmp/saved"
	O=$1 hs run --quiet --trace none ${lab_options[@]+"${lab_options[@]}"} --save "$tmp/saved" \
		${save_options[@]+"${save_options[@]}"} --append "$3" "$2"
	[ "$status" = 0 ] || return
	err1=$err took1=$took
	mv "$tmp/out" "$tmp/first"
	$lab_between
	O=$1 hs run --quiet --trace none ${lab_options[@]+"${lab_options[@]}"} --restore "$tmp/saved"
	cat "$tmp/first" "$tmp/out" >"$tmp/both" && mv "$tmp/both" "$tmp/out"
	out=$(tr -d '\0' <"$tmp/out")
	err=$err1$'\n'$err took=$((took + took1))
}

run_sealed()	# BUILD NAME [WORD...]: sets $claims, and what hs sets
{
	local build=$1 name=$2 key words
	shift 2
	key=$(python3 "$seal" put "$build/guest-payloads/$name.bin" "$tmp/$name.bin") || exit 1
	words="$* $(quirks | xargs)"
	if [ "$lab_saved" ]; then
		run_halves "$build" "$tmp/$name.bin" "$words"
	else
		O=$build hs run --quiet --trace none ${lab_options[@]+"${lab_options[@]}"} \
			--append "$words" "$tmp/$name.bin"
	fi
	claims=$(python3 "$seal" check "$key" <"$tmp/out")
	out=$(sed -E 's/ \[[0-9a-f]{16}\]//' <<<"$out" | tr -d '\r')
}

asked()	# NAME [WORD...]
{
	run_sealed "$O" "$@"
	[ "$status" != 124 ] || ok 1 "$1 comes to its end" || last_words
	ends_if_hung
}

ends_if_hung()
{
	[ "$status" = 124 ] || return 0
	diag "it hangs: nothing else of this test was run"
	done_testing
}

# The last that was said, for somebody who looks for the reason.
last_words()
{
	printf '%s\n' "$out" | grep -v '^$' | tail -n 4 | cut -c1-200 | sed 's/^/# /'
	printf '%s\n' "$err" | grep -v '^$' | tail -n 4 | cut -c1-200 | sed 's/^/# /'
	if [ "$status" = 139 ]; then	# it has said nothing itself
		diag "the VMM has touched memory that is not its own (signal 11)"
	fi
}

# What was said of claim N that failed: behind it, and before it, since a helper may note what it has
# seen and leave the claim to its caller. What stands behind another failure is that one's.
reasons()	# N; what the payload said on standard input
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

plan_of()	# CLAIMS
{
	sed -n 's/^1\.\.//p' <<<"$1"
}

payload()
{
	local mine theirs said line number text found HS_SECONDS=$HS_SECONDS
	theirs=
	if [ -n "${HS_REFERENCE:-}" ]; then	# first: a test may look at the last run's trace
		HS_SECONDS=60 run_sealed "$HS_REFERENCE" "$@"
		theirs=$claims
		[ $((took * 6)) -le "$(scaled "$HS_SECONDS")" ] || HS_SECONDS=$((took * 6 / $(scaled 1) + 1))
	fi
	run_sealed "$O" "$@"
	mine=$claims said=$out
	[ -n "${HS_REFERENCE:-}" ] || theirs=$claims
	while IFS= read -r line; do
		number=$(sed -nE 's/^(not )?ok ([0-9]+) - .*/\2/p' <<<"$line")
		[ "$number" ] || continue
		text=${line#*ok "$number" - }
		found=$(grep -E "^ok $number - " <<<"$mine")
		[ "$found" ] && [[ $found != *" # SKIP "* || $text == *" # SKIP "* ]]
		ok $? "$text$lab_under" || reasons "$number" <<<"$said"
	done <<<"$theirs"
	[ "$(plan_of "$mine")" ] && [ "$(plan_of "$mine")" = "$(plan_of "$theirs")" ]
	ok $? "$1 comes to its end$lab_under" || last_words
	ends_if_hung
}

boots()
{
	hs run --quiet --set "$@" hello
	is "$status" 0 "the guest comes to its end ($*)" || {	# stop: a further boot would fail, too
		diag "$err"
		ends_if_hung
		return
	}
	options --set "$@"
	payload timer
}

claim()
{
	local line
	line=$(grep -F -- "$1" <<<"$claims" | head -n 1)
	[[ $line == "ok "* && $line != *" # SKIP "* ]]
	ok $? "${2:-$1}" || last_words
}

# ---- labs whose answer is a file ----

# The value behind "NAME:" in answers.txt, in small letters.
answer()	# NAME
{
	sed -n "s/^$1:[[:space:]]*//p" "$HS_TOP/answers.txt" | head -n 1 | tr -d '\r' | tr 'A-Z' 'a-z' | sed 's/[[:space:]]*$//'
}

# What was answered is this, as a number or a name, or so many percent off. The right one is not told.
answered()	# NAME WANT [PERCENT]
{
	[ "$2" ] || { ok 1 "$1: the grader has an answer"; return; }
	python3 -c '
import sys
def number(text):
    made = int(text, 16) if text.startswith("0x") else float(text)
    if made != made:    # "nan" is as far from anything as one likes
        raise ValueError
    return made
got, want, percent = sys.argv[1:]
try:
    sys.exit(abs(number(got) - number(want)) > number(want) * float(percent) / 100)
except ValueError:
    sys.exit(got != want)' "$(answer "$1")" "${2,,}" "${3:-0}"
	ok $? "$1 is what the run says" || diag "answered: '$(answer "$1")'"
}
