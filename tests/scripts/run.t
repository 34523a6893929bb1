#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.t - tests/run continues after a file that fails, names files that run for a long time, ends
# files that hang, and prints a summary; a test that runs other test files passes on what they skip.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

file()	# NAME: make a test file with this name from standard input
{
	{ echo '#!/bin/bash'; cat; } >"$tmp/$1" && chmod +x "$tmp/$1"
}

file red.t <<-'END'
	echo "# nobody asked"
	echo "ok 1 - it starts"
	echo "not ok 2 - it ends well"
	echo "# for want of a nail"
	echo 1..2
	exit 1
END
# This file runs until tests/run has reported its progress twice.
file long.t <<-END
	until grep -q 'long.t runs for' "$tmp/err"; do sleep 0.05; done
	echo "ok 1 - it was waited for"
	until grep -q 'long.t runs for.*claims: 1' "$tmp/err"; do sleep 0.05; done
	echo "ok 2 - once more"
	echo 1..2
END
file hangs.t <<-'END'
	echo "ok 1 - so far"
	sleep 100000
END
file green.t <<-'END'
	echo "not ok 1 - as cmocka says it # SKIP no such hardware"
	echo 1..1
END

file makes.t <<-'END'
	echo 1..1
	said=$(make -s -j2 -f - <<<'all: ; @echo made' 2>&1)
	[ "$said" = made ] || { echo "not ok 1 - no more is said"; echo "# $said"; exit 1; }
	echo "ok 1 - no more is said"
END

run()	# FILE...: run tests/run on the files; set $status, $out and $err
{
	: >"$tmp/err"
	"$HS_TOP/tests/run" --out "$O" "${@/#/$tmp/}" >"$tmp/out" 2>"$tmp/err"
	status=$?
	out=$(<"$tmp/out")
	err=$(<"$tmp/err")
}

HS_BEAT=0.1 run red.t long.t green.t
is "$status" 1 "if one file fails, the status is 1"
like "$out" '^not ok 2 - it ends well$' "a claim that failed is shown"
like "$out" '^# for want of a nail$' "the diagnostics of a failed claim are shown"
unlike "$out" 'nobody asked' "the diagnostics of a claim that held are not shown"
like "$out" 'long\.t \.+ ok' "files after a failed one are run"
like "$err" '^\[..:..:..\] .*long\.t runs for [0-9]+ s$' "a file that runs for a long time is named while it runs"
like "$err" 'long\.t runs for [0-9]+ s, claims: 1$' "the number of claims that a running file has made is shown"
like "$out" 'green\.t \.+ ok' "a test that cmocka skips has not failed"
like "$out" 'red\.t +\(Wstat: 256 .*Failed: 1\)' "the summary names the failed file"
is "$(tail -n 1 <<<"$out")" "Result: FAIL" "the last line is the result"

HS_TIME_SCALE=12345 run green.t
like "$out" 'time-outs x 12345,' "HS_TIME_SCALE lengthens the time-outs"
HS_TIME_SCALE=0 run green.t
like "$out" 'time-outs x [1-9]' "HS_TIME_SCALE cannot shorten the time-outs"

MAKEFLAGS=' -j2 --jobserver-auth=3,4' MAKELEVEL=1 run makes.t
is "$status" 0 "a test's own make is independent of the make that runs the tests" || diag "$out"

HS_FILE_SECONDS=1 run hangs.t
like "$out" 'hangs\.t +\(Wstat: 31744 ' "a file that hangs is ended, with status 124"

# A test's programs are in other process groups than the test, because timeout(1) creates a group.
file deep.t <<-EOF
	timeout 1000 bash -c 'echo \$\$ >"$tmp/deep"; sleep 1000; sleep 1000' >/dev/null 2>&1
EOF
file deaf.t <<-EOF
	timeout 1000 bash -c 'trap "" TERM; echo \$\$ >"$tmp/deep"; while :; do sleep 1; done' >/dev/null 2>&1
EOF
for name in deep deaf; do
	rm -f "$tmp/deep"
	for seconds in 1 10 100; do # a busy machine may need more than a second to start the test
		HS_FILE_SECONDS=$seconds run $name.t
		[ ! -s "$tmp/deep" ] || break
	done
	wait_until 50 'ended "$(<"$tmp/deep")"'
	ok $? "the time-out of $name.t ends its programs at any depth" || kill -KILL "$(<"$tmp/deep")"
done

file leaves.t <<-EOF
	setsid sleep 1000 &
	echo \$! >"$tmp/deep"
	echo "ok 1 - it ends"
	echo 1..1
EOF
rm -f "$tmp/deep"
run leaves.t
like "$out" 'leaves\.t +\(Wstat: 31744 ' "a file that leaves a program running fails"
wait_until 50 'ended "$(<"$tmp/deep")"'
ok $? "the program is ended" || kill -KILL "$(<"$tmp/deep")"

# Send a signal to prove(1) and its process group, as the keyboard would.
mkdir "$tmp/temporary"
for signal in INT TERM; do
	rm -f "$tmp/deep"
	TMPDIR=$tmp/temporary perl -e 'setpgrp; $SIG{INT} = "DEFAULT"; exec @ARGV' "$HS_TOP/tests/run" --out "$O" "$tmp/deep.t" \
		>"$tmp/out" 2>&1 &
	group=$!
	until [ -s "$tmp/deep" ]; do sleep 0.05; done
	kill -$signal -- -$group
	wait $group
	wait_until 600 'ended "$(<"$tmp/deep")"'
	ok $? "SIG$signal to prove's group ends a test's programs at any depth"
	wait_until 50 '[ -z "$(ls "$tmp/temporary")" ]'
	ok $? "SIG$signal to prove's group leaves no temporary file"
done

# ---- passes(): one claim per test file ----
file skips-all.t <<-'END'
	echo "1..0 # SKIP no such tool"
END
file skips-some.t <<-'END'
	echo "ok 1 - it starts"
	echo "ok 2 - a terminal # SKIP script(1) is not installed"
	echo "ok 3 - it ends # SKIP script(1) is not installed"
	echo 1..3
END
file holds.t <<-'END'
	echo "ok 1 - it starts"
	echo 1..1
END
file ends-early.t <<-'END'
	echo "ok 1 - it starts"
END
file wrong-plan.t <<-'END'
	echo "ok 1 - it starts"
	echo 1..2
END
file wrong-status.t <<-'END'
	echo "ok 1 - it starts"
	echo 1..1
	exit 3
END
file outer.t <<-END
	. "$HS_TOP/tests/lib/tap.sh"
	for name in skips-all skips-some holds red ends-early; do passes "$tmp/\$name.t" "\$name" "run \$name.t"; done
	relay "1..0 # SKIP no device" "a program"
	relay \$'Traceback\nValueError: 1' "a checker"
	relay \$'ok 1 - it starts\n1..2\r' "a short program"
	relay \$'ok 1 - a\n1..1\nok 1 - b\n1..2' "two programs"
	for name in wrong-plan wrong-status; do passes "$tmp/\$name.t" "\$name" "run \$name.t"; done
	like text \$'\nno such text' "like takes one pattern"
	unlike text \$'\nno such text' "unlike takes one pattern"
	ended ""
	is \$? 1 "no process has not ended"
	. "$HS_TOP/tests/kvm/claims.sh"
	out=\$'ok 1 - it starts\n1..2' status=0
	claims "a short guest"
	done_testing
END
file claims-nothing.t <<-END
	. "$HS_TOP/tests/lib/tap.sh"
	done_testing
END
file no-plugin.t <<-END
	. "$HS_TOP/tests/lib/tap.sh"
	needs_plugin no_such_plugin
	done_testing
END
out=$("$tmp/outer.t" 2>&1)
status=$?
like "$out" '^ok 1 - skips-all # SKIP no such tool$' "a wrapped file that skips itself is a skipped claim, with its reason"
like "$out" '^ok 2 - skips-some \(2 of 3 claims skipped\)$' "the claim of a wrapped file says how many claims it skipped"
like "$out" '^#   2 skipped: script\(1\) is not installed$' "the reasons of a wrapped file's skipped claims are shown"
like "$out" '^ok 3 - holds$' "a wrapped file that skips nothing is a claim without a remark"
like "$out" '^not ok 4 - red$' "a wrapped file with a failed claim is a failed claim"
like "$out" '^# to repeat: run red.t$' "the command that repeats a failed file is shown"
like "$out" '^not ok 5 - ends-early$' "a wrapped file without a plan is a failed claim"
like "$out" '^ok 6 - a program: all claims # SKIP no device$' "a program that skips itself is a skipped claim, with its reason"
like "$out" '^not ok 7 - a checker: the program makes claims$' "a program that ends before its first claim is a failed claim"
like "$out" '^# ValueError: 1$' "the output of a program without claims is shown"
like "$out" '^not ok 9 - a short program: the program makes the 2 claims of its plan$' "a program with fewer claims than its plan is a failed claim"
is "$(grep -c '^ok.* - two programs: ' <<<"$out") $(grep -c '^not ok.* - two programs: ' <<<"$out")" "2 0" "the plans of several programs are not compared"
like "$out" '^not ok 12 - wrong-plan$' "a wrapped file with fewer claims than its plan is a failed claim"
like "$out" '^not ok 13 - wrong-status$' "a wrapped file that ends with a status other than 0 is a failed claim"
is "$(grep -c '^not ok 1[45] - .*like takes one pattern$' <<<"$out")" 2 "a pattern with a newline fails, in like and in unlike"
like "$out" '^ok 16 - no process has not ended$' "an empty process id is not that of an ended process"
like "$out" '^not ok 18 - a short guest: the program makes the 2 claims of its plan$' "a program with fewer claims than its plan is a failed claim in tests/kvm, too"
is "$status $(tail -n 1 <<<"$out")" "1 1..19" "the test that runs other files ends with its own plan and status"
run claims-nothing.t
is "$status/$(tail -n 1 <<<"$out")" "1/Result: FAIL" "a test that makes no claim fails"
run no-plugin.t
like "$out" "^not ok 1 - $O/no_such_plugin.so is built$" "a test whose plugin has not been built fails"

"$HS_TOP/tests/run" --out "$tmp/empty" "$tmp/green.t" >"$tmp/out" 2>&1
is "$? $(<"$tmp/out")" "125 tests/run: $tmp/empty/tests/spin.bin is missing: run make tests" "a missing build is reported"
is "$(O=$tmp/empty "$HS_TOP/tests/kvm/faults.t"; echo $?)" "Bail out! The programs of the tests are missing in $tmp/empty/tests: run make tests"$'\n'1 \
	"a test file on its own bails out if its programs have not been built"
[ ! -e "$tmp/empty" ]
ok $? "and creates no folder"
run green.t
is "$status/$(tail -n 1 <<<"$out")/$err" "0/Result: PASS/" "a green run prints its result, and no warning"
done_testing
