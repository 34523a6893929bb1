# SPDX-License-Identifier: MIT
#
# tap.sh - functions for tests written in bash: claims as TAP, launcher runs, scaled time-outs.
#
#   . "$HS_TOP/tests/lib/tap.sh"
#   hs COMMAND ...       run scripts/hyperscope COMMAND; sets $status, $out, $err, and $took in
#                        seconds
#   is GOT WANT NAME     claim NAME, which holds if GOT and WANT are equal
#   like TEXT REGEX NAME claim NAME, which holds if a line of TEXT matches REGEX (unlike: if none
#                        does). REGEX must be one line, and not empty
#   ok STATUS NAME       claim NAME, which holds if STATUS is 0
#   skip NAME REASON     report claim NAME as skipped
#   diag TEXT            print TEXT as diagnostics
#   relay TEXT [LABEL]   repeat the claims in TEXT, a program's TAP output, as claims of this test,
#                        each prefixed with LABEL; a program that skips itself is a skipped claim,
#                        and TEXT without a claim is a failed claim, as are fewer claims than in the
#                        plan if TEXT has exactly one
#   checked WHAT LABEL COMMAND...   relay the claims of COMMAND, prefixed with LABEL (which may be
#                        empty), and claim that WHAT, its name, ends with status 0 and prints nothing
#                        on standard error
#   passes FILE NAME REPEAT   run the test file FILE; claim NAME, which holds if all its claims do,
#                        its plan has their number, and its status is 0. The claim is skipped if
#                        FILE skips itself; if it skips some claims, NAME says how many. After a
#                        failure, show the claims that do not hold, and REPEAT, the command to
#                        repeat it
#   spoils_redirects     true if this QEMU enters HS with V set after a redirected trap;
#                        $spoiled_redirects is the reason to give to skip
#   fixes WHY TOGGLE...  keep the defaults of these toggles (or all), whatever $HYPERSCOPE_SET says
#   needs_fetched FILE... skip the whole test unless set-up has fetched these files, which needs a
#                        network
#   needs_plugin NAME    fail unless plugin NAME.so is built; skip the whole test unless this QEMU is
#                        new enough for it
#   hs_script NAME ...   run scripts/hyperscope NAME with this build; sets $status and $out, and
#                        leaves standard output in $tmp/table and standard error in $tmp/err
#   needs_browser        skip the whole test unless Chromium and Selenium are installed; sets
#                        $python to the Python that has Selenium
#   done_testing         print the plan and end the test, which fails if it has made no claim
#
# $tmp is a folder for this test alone, and holds the folders of its runs. It is removed when the
# test ends. If `make tests` has not built anything, the test bails out. With --help, a test (FILE.t) prints the comment at
# its beginning.

case $0:${1:-} in
*.t:--help)
	sed -n '/^#!/d; /^# SPDX/d; /^#/!q; s/^# \{0,1\}//p' "$0" | sed '1{/^$/d}'
	exit 0
	;;
*.t:-*)
	echo "${0##*/}: unknown option $1; see ${0##*/} --help" >&2
	exit 2
	;;
esac

: "${HS_TOP:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${O:=$HS_TOP/build}"
export HS_TOP O
tests_run=0
tests_failed=0
# The tests of a lab use only what the lab's own make builds.
[ -e "$O/tests/spin.bin" ] || [ -n "${HS_VARIANT:-}" ] || [ -e "$HS_TOP/lab.list" ] ||
	{ echo "Bail out! The programs of the tests are missing in $O/tests: run make tests"; exit 1; }
# Do not use /tmp, which may be a file system in memory: the RAM of each run is a file below $tmp.
mkdir -p "$O/tmp" && tmp=$(mktemp -d "$O/tmp/test.XXXXXX") || exit 1
export HS_RUNS=$tmp/runs HS_TAG=$tmp
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'trap "" TERM HUP; exit 143' TERM HUP # a second signal must not interrupt the removal of $tmp
# On a terminal, Ctrl-C has to end the command that runs, too. In a process group of its own, as timeout(1) makes it
# otherwise, it would not get the signal.
foreground=()
[ ! -t 1 ] || foreground=(--foreground)

scaled()
{
	echo $(($1 * ${HS_TIME_SCALE:-1}))
}

diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

ok()	# STATUS NAME
{
	tests_run=$((tests_run + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests_run - $2"
	else
		echo "not ok $tests_run - $2"
		tests_failed=$((tests_failed + 1))
		return 1
	fi
}

is()	# GOT WANT NAME
{
	[ "$1" = "$2" ]
	ok $? "$3" || { diag "got:  $1"; diag "want: $2"; return 1; }
}

# For grep, a newline in a pattern separates alternatives, and an empty one matches any line.
one_pattern()	# REGEX
{
	[[ -n $1 && $1 != *$'\n'* ]] || { diag "not one pattern: '$1'"; return 1; }
}

like()	# TEXT REGEX NAME
{
	one_pattern "$2" && grep -qE -- "$2" <<<"$1"
	ok $? "$3" || { diag "no match for: $2"; diag "$1"; return 1; }
}

unlike()	# TEXT REGEX NAME
{
	one_pattern "$2" && ! grep -qE -- "$2" <<<"$1"
	ok $? "$3" || { diag "should not match: $2"; diag "$1"; return 1; }
}

skip()	# NAME REASON
{
	tests_run=$((tests_run + 1))
	echo "ok $tests_run - $1 # SKIP $2"
}

relay()	# TEXT [LABEL]
{
	local line label=${2:+$2: } before=$tests_run plans
	while IFS= read -r line; do
		case $line in
		"ok "*) ok 0 "$label${line#*- }" ;;
		"not ok "*) ok 1 "$label${line#*- }" ;;
		"1..0 # SKIP "*) skip "${label}all claims" "${line#*SKIP }" ;;
		"# "*) printf '%s\n' "$line" ;;
		esac
	done <<<"$1"
	[ "$tests_run" != "$before" ] || ok 1 "${label}the program makes claims" || diag "$(tail -n 20 <<<"${1:-no output}")"
	mapfile -t plans < <(sed -n 's/^1\.\.\([1-9][0-9]*\)\r\{0,1\}$/\1/p' <<<"$1")
	# Claims of a program's forked children are not in its plan.
	[ ${#plans[@]} != 1 ] || [ "$((tests_run - before))" -ge "${plans[0]}" ] ||
		ok 1 "${label}the program makes the ${plans[0]} claims of its plan" || diag "it makes $((tests_run - before))"
}

checked()	# WHAT LABEL COMMAND...
{
	local said status
	said=$("${@:3}" 2>"$tmp/checker-err")
	status=$?
	relay "$said" "$2"
	is "$status:$(wc -l <"$tmp/checker-err")" 0:0 "${2:+$2: }$1 ends with status 0, without an error message" ||
		diag "$(tail -n 20 "$tmp/checker-err")"
}

passes()	# FILE NAME REPEAT
{
	local claims skipped name=$2 status
	"$HS_TOP/tests/lib/run-one" "$1" </dev/null >"$tmp/said" 2>&1
	status=$?
	claims=$(grep -c '^ok' "$tmp/said")
	skipped=$(grep -c '^ok.* # SKIP' "$tmp/said")
	if [ "$status $claims" = "0 0" ] && grep -q '^1\.\.0 # SKIP' "$tmp/said" && ! grep -q '^not ok' "$tmp/said"; then
		skip "$name" "$(sed -n 's/^1\.\.0 # SKIP *//p' "$tmp/said")"
		return
	fi
	[ "$skipped" = 0 ] || name+=" ($skipped of $claims claims skipped)"
	[ "$status" = 0 ] && ! grep -q '^not ok' "$tmp/said" && [ "$claims" != 0 ] && [ "$(grep '^1\.\.' "$tmp/said")" = "1..$claims" ]
	if ok $? "$name"; then
		# Each reason once, with the number of claims that were skipped for it.
		sed -n 's/^ok.* # SKIP */# skipped: /p' "$tmp/said" | sort | uniq -c | sed 's/^ *\([0-9]*\) # skipped:/#   \1 skipped:/'
		return
	fi
	grep -A 20 '^not ok' "$tmp/said" | head -n 60 | sed 's/^\(# \)*/# /'
	tail -n 3 "$tmp/said" | sed 's/^\(# \)*/# /'
	diag "status $status after $claims claims that hold"
	diag "to repeat: $3"
}

# Machines of a test take their toggles from $HYPERSCOPE_SET (docs/testing.md). A test that expects
# exact figures, or tests one value of a toggle, names the toggles that must keep their defaults,
# and the reason.
fixes()	# WHY TOGGLE...
{
	local why=$1 word kept= name
	shift
	for word in ${HYPERSCOPE_SET:-}; do
		for name; do
			case $name in
			all | "${word%%=*}")
				diag "not under $word: $why"
				continue 2
				;;
			esac
		done
		kept+="$word "
	done
	export HYPERSCOPE_SET=$kept
}

skip_all()	# REASON
{
	echo "1..0 # SKIP $1"
	exit 0
}

# Print the number of rounds: $ROUNDS, or DEFAULT. Bail out if $ROUNDS is not a number of at least LEAST.
rounds_or()	# DEFAULT [LEAST]
{
	local least=${2:-1}
	[[ ${ROUNDS:-$1} =~ ^[0-9]{1,9}$ && ${ROUNDS:-$1} -ge $least ]] || {
		echo "Bail out! ROUNDS=$ROUNDS: must be a number of at least $least" >&2
		return 1
	}
	echo "${ROUNDS:-$1}"
}

# make test builds these files. A missing file is a failure, not a reason to skip the test: when a
# source moves, its test has to follow.
needs_built()	# FILE...
{
	local file
	for file; do
		[ -e "$file" ] || { ok 1 "$file is built"; done_testing; }
	done
}

needs_fetched()	# FILE...
{
	local file
	for file; do
		[ -e "$file" ] || skip_all "$file is missing: set-up could not fetch it"
	done
}

needs_plugin()	# NAME
{
	needs_built "$O/$1.so"
	[ "$1" = anatomy ] || ! qemu_older 9.0 || skip_all "QEMU $(qemu_version) is older than 9.0, the first whose plugins can read registers"
	export TMPDIR=$tmp
}

needs_browser()
{
	local tool
	for tool in chromium chromedriver; do
		command -v $tool >/dev/null || skip_all "$tool is not installed: run 'scripts/hyperscope setup browser' if the distribution has it"
	done
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import selenium' 2>/dev/null && return
	done
	skip_all "python3-selenium is not installed: run 'scripts/hyperscope setup browser'"
}

qemu_version()
{
	"${QEMU:-qemu-system-riscv64}" --version | sed -n 's/.* version \([0-9.]*[0-9]\).*/\1/p'
}

# qemu_older MAJOR.MINOR: true if this QEMU is older than that version. If QEMU prints no version, this ends the test, also
# from a subshell.
qemu_older()
{
	local have
	have=$(qemu_version)
	if [[ ! $have =~ ^[0-9]+\. ]]; then
		[ $BASHPID = $$ ] || exec >&2
		echo "Bail out! '${QEMU:-qemu-system-riscv64} --version' prints no version"
		[ $BASHPID = $$ ] || kill $$
		exit 1
	fi
	[ "$have" != "$1" ] && [ "$(printf '%s\n%s\n' "$have" "$1" | sort -V | head -n 1)" = "$have" ]
}

# QEMU 10.0.13 enters HS with V still 1 after the firmware has redirected a guest's trap. QEMU
# 10.0.2 does not, and the version of OpenSBI makes no difference. The host tests for this bug at
# boot (src/kvm/vcpu/redirect.S), and reports it.
spoils_redirects()
{
	[ -e "$tmp/redirects" ] || HS_RUNS=$tmp/probe "$HS_TOP/scripts/hyperscope" exec \
		--timeout "$(scaled 30)" "$O/tests/progs/ends" exit 0 </dev/null >"$tmp/redirects" 2>&1
	grep -q "reaches us with V still set" "$tmp/redirects"
}
spoiled_redirects="this QEMU enters HS with V still 1 for a trap that the firmware redirects (docs/caveats.md)"

# QEMU 10.0.13 also lacks LCOFI (interrupt 13) in the CSRs of HS.
no_lcofi="this QEMU lacks LCOFI in hvien, so guests have no Sscofpmf (docs/caveats.md)"

# With this bug, the next fetch after a redirected trap, at Linux's exit handler, is translated as
# if it were the guest's, and KVM_RUN fails with EOPNOTSUPP. Some processes of the guest are killed
# as a result, so a QEMU with the bug cannot serve as the reference. (A core that delegates illegal
# instructions to the guest is not affected.)
linux_kvm_is_broken="$spoiled_redirects, which makes guests of Linux KVM fail"
qemu_breaks_linux_kvm()
{
	spoils_redirects
}

# Print this QEMU's quirks as words for the payloads' command lines. A payload skips what a quirk breaks.
quirks()
{
	! qemu_older 8.0 || echo silent-sip=1
	! qemu_older 10.0 || echo satp-keeps-reserved=1	# 8.2.2 does
	! qemu_older 9.1 || echo rough-counters=1
	! spoils_redirects || echo spoiled-redirects=1
}

done_testing()
{
	[ "$tests_run" != 0 ] || ok 1 "the test makes claims"	# prove takes the plan 1..0 for a skipped test
	echo "1..$tests_run"
	exit $((tests_failed > 0))
}

# hs COMMAND ARGS...: run the launcher, with input from $tmp/in if that exists. The launcher's own time-out,
# $HS_SECONDS (default: 30), is shorter than that of timeout(1), so that it can end the machine itself.
hs()
{
	local start=$SECONDS limit input=/dev/null
	limit=$(scaled "${HS_SECONDS:-30}")
	[ ! -e "$tmp/in" ] || input=$tmp/in
	timeout "${foreground[@]}" --kill-after=5 $((limit + 10)) "$HS_TOP/scripts/hyperscope" "$1" --timeout "$limit" \
		"${@:2}" <"$input" >"$tmp/out" 2>"$tmp/err"
	status=$?
	out=$(tr -d '\0' <"$tmp/out")
	err=$(tr -d '\0' <"$tmp/err")
	took=$((SECONDS - start))
}

# hs_script NAME ARGS...: run a command of the launcher, for at most $HS_SECONDS (default: 120)
hs_script()
{
	timeout "${foreground[@]}" --kill-after=5 "$(scaled "${HS_SECONDS:-120}")" "$HS_TOP/scripts/hyperscope" "$1" --out "$O" \
		"${@:2}" >"$tmp/table" 2>"$tmp/err"
	status=$?
	out=$(cat "$tmp/table")
}

# Evaluate CONDITION every 0.1 s until it holds. Fail if it does not hold within TENTHS (scaled) of a second.
wait_until()	# TENTHS CONDITION
{
	local turns
	for ((turns = $(scaled "$1"); turns > 0; turns--)); do
		! eval "$2" || return 0
		sleep 0.1
	done
	return 1
}

# ended PID: true if PID is a number and the process has ended, even if it is still a zombie. An orphan stays one if
# process 1 does not wait for its children, as in a container whose process 1 is not an init.
ended()
{
	[[ $1 =~ ^[0-9]+$ ]] && ! grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"
}

# Print the machines and launchers that this test has started, directly or indirectly, and that still run.
left_running()
{
	local file
	# The brackets keep grep from finding itself.
	grep -lzE '[q]emu-system|[s]cripts/hyperscope' /proc/[0-9]*/cmdline | while read -r file; do
		grep -qzxF "HS_TAG=$HS_TAG" "${file%/*}/environ" && tr '\0' ' ' <"$file" | cut -c1-80
	done
} 2>/dev/null
