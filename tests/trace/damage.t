#!/bin/bash
# SPDX-License-Identifier: MIT
#
# damage.t - run every subcommand and export of hstrace on damaged and foreign files, and with outputs that fail,
# under ASan and UBSan (damage.py). Then other tools read the exports of a trace that is truncated in a ring, and
# must find every event and field that report shows.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/trace/readers.sh"

bin=$O/tests/trace
needs_built "$bin/hstrace"
cd "$tmp" || exit 1
formats=csv,json,trace-cmd,perf
[ -n "$no_ctf" ] || formats+=,ctf
[ -n "$no_perfetto" ] || formats+=,perfetto

"$bin/mkram" ram 2 60 instret extremes && "$bin/hstrace" save --meta icount=0 ram whole
ok $? "mkram and hstrace save create a trace"
"$bin/mksamples" ram.many 0x1000 60000 && "$bin/hstrace" save --meta icount=0 ram.many many && rm ram.many
ok $? "mksamples and hstrace save create a longer one"
"$bin/mksamples" ram.few 0x1000 600 && "$bin/hstrace" save --meta icount=0 ram.few few && rm ram.few
ok $? "mksamples and hstrace save create a short one"
mkdir sweep
cd sweep || exit 1
# shellcheck disable=SC2086 # one word or none
said=$("$HS_TOP/tests/trace/damage.py" "$bin/hstrace" ../whole ../ram ../many ../few "$formats" $damage_sweep 2>../err)
cd ..
relay "$said"
is "$(tail -n 1 <<<"$said")$(cat err)" "1..6" \
	"damage.py ends after six claims, without an error message"

# This replaces export_as() of readers.sh, and makes a claim: from a truncated trace, hstrace exports the readable
# part, prints one line and returns 1.
export_as()
{
	rm -rf "$2"
	"$hstrace" export --to "$1" "${@:3}" "$trace" "$2" >out 2>err
	status=$?
	[ "$status:$(wc -l <err)" = 1:1 ]
	ok $? "a trace truncated in a ring: export --to $1${3:+ ${*:3}} writes $2, prints one line and returns 1" || diag "status $status" "$(<err)"
}
hstrace=$bin/hstrace trace=$tmp/cut
head -c $(($(stat -c %s whole) * 3 / 4)) whole >"cut"
every_reader "a trace truncated in a ring" 2>said
done_testing
