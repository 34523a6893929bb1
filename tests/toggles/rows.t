#!/bin/bash
# SPDX-License-Identifier: MIT
#
# rows.t - the rows of toggles under which tests run: they contain every pair, the product contains all
# combinations, and every machine that a test starts can be given a row.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "the test is about the values themselves" all
rows=$HS_TOP/tests/toggles/rows
def=$HS_TOP/src/kvm/toggle.def

# Read toggle.def independently of the script under test: one NAME=VALUE per line, without the values that other tests have.
sed -nE 's/^(TOGGLE|NUMBER)\((\w+), "([^"]*)".*/\2 \3/p' "$def" |
	awk '{ for (i = 2; i <= NF; i++) print $1 "=" $i }' >"$tmp/all-values"
grep -v '^nacl=no_\|^nested_switch=eager\|^shadow=protect' "$tmp/all-values" >"$tmp/values"
count=$(cut -d= -f1 "$tmp/values" | uniq | wc -l)

# missing FILE T: print the combinations of T toggles' values that are not in any row of FILE
missing()
{
	awk -v strength="$2" '
		function name(text) { sub(/=.*/, "", text); return text }
		function note(from, left, text,   i) { # see text with each combination of `left` more of what[]
			if (!left) { seen[text]++; return }
			for (i = from; i <= n; i++)
				if (!index(text, " " name(what[i]) "=")) note(i + 1, left - 1, text " " what[i])
		}
		FNR == NR { n = ++all; value[n] = $1; what[n] = $1; next }
		FNR == 1 { note(1, strength, ""); for (t in seen) want[t]; delete seen }
		{
			rows++
			for (i = 1; i <= NF; i++) has[$i] = FNR
			n = 0
			for (i = 1; i <= all; i++) if (has[value[i]] == FNR) what[++n] = value[i]
			note(1, strength, "")
		}
		END { if (!rows) print "there are no rows"; for (t in want) if (!(t in seen)) print t }' "$tmp/values" "$1"
}

"$rows" >"$tmp/pairs"
is "$(missing "$tmp/pairs" 2)" "" "any two values of any two toggles meet in a row"
is "$(awk -v n="$count" 'NF != n' "$tmp/pairs")" "" "each row has all $count toggles"
missing=$(comm -13 <(sort "$tmp/values") <(sort "$tmp/all-values") | while IFS="=" read -r name value; do
	grep -q "\"$name $value\"" "$HS_TOP/tests/guest/nested.t" || echo "$name=$value"
done)
is "$missing" "" "nested.t has the values that are in no row"
sed 1d "$tmp/pairs" >"$tmp/fewer"
like "$(missing "$tmp/fewer" 2)" '=.*=' "the check can fail: without the first row, a pair is missing"
ok $(($(wc -l <"$tmp/pairs") > 16)) "at most 16 rows are needed for pairs: $(wc -l <"$tmp/pairs")"
is "$(PYTHONHASHSEED=1 "$rows" | md5sum)" "$(PYTHONHASHSEED=2 "$rows" | md5sum)" "the rows do not depend on the hash seed"
"$rows" --strength 3 >"$tmp/threes"
is "$(missing "$tmp/threes" 3)" "" "--strength 3: any three values of any three toggles meet in a row"

"$rows" --single >"$tmp/single"
is "$(missing "$tmp/single" 1)" "" "--single has each value of each toggle"
is "$(wc -l <"$tmp/single")" "$(($(wc -l <"$tmp/values") - count + 1))" "--single has a row of initial values, and one for each other value"

"$rows" --product >"$tmp/product"
want=$(cut -d= -f1 "$tmp/values" | uniq -c | awk '{ n = (n ? n : 1) * $1 } END { print n }')
is "$(sort -u "$tmp/product" | wc -l)" "$want" "--product prints $want different combinations"
for k in 1 2 3; do "$rows" --product --share $k/3 >"$tmp/share.$k"; done
is "$(paste -d '\n' "$tmp"/share.[123] | sed '/^$/d' | md5sum)" "$(md5sum <"$tmp/product")" "three shares make up the whole product, in turn"
"$rows" --product --share 3/64 >"$tmp/share"
is "$(missing "$tmp/share" 2)" "" "the third of 64 shares contains every pair"
"$rows" --share 4/3 >"$tmp/out" 2>&1
is "$? $(grep -c '4/3: not of the form K/N' "$tmp/out")" "2 1" "an invalid share is refused"

# Make a tree whose toggle.def has one more toggle.
mkdir -p "$tmp/top/src/kvm" "$tmp/top/tests/toggles"
cp -r "$HS_TOP/scripts" "$tmp/top/"
cp "$rows" "$tmp/top/tests/toggles/"
sed '/^NUMBER/i TOGGLE(color, "red green blue", 1, "?")' "$def" >"$tmp/top/src/kvm/toggle.def"
is "$("$tmp/top/tests/toggles/rows" | grep -o 'color=[a-z]*' | sort -u | xargs)" \
	"color=blue color=green color=red" "a new toggle is in the rows automatically"

# ---- the toggles of a machine -------------------------------------------------------------------

settings()	# ARGS...: set $out to the toggles that a program on the host reads, in the order of the table
{
	hs exec --quiet "$@" "$O/guest/busybox" sh -c \
		"cd /sys/module/kvm/parameters; for t in $(cut -d= -f1 "$tmp/values" | uniq | xargs); do echo \$t=\$(cat \$t); done"
	is "$status" 0 "the machine starts" || diag "$err"
}
if [ -f "$O/guest/busybox" ]; then
	settings
	initial=$(head -n 1 "$tmp/single" | xargs -n1 | sort)
	# If this QEMU spoils redirected traps, the host chooses another default for fp
	# (src/kvm/vcpu/fp.c:/^void fp_init/).
	! spoils_redirects || initial=${initial/fp=lazy_trap/fp=lazy_save}
	is "$(xargs -n1 <<<"$out" | sort)" "$initial" \
		"by default, each toggle has the initial value that toggle.def gives it"
	other=$(sed -n 2p "$tmp/pairs")
	export HYPERSCOPE_SET=$other
	settings
	is "$(xargs -n1 <<<"$out" | sort)" "$(xargs -n1 <<<"$other" | sort)" "HYPERSCOPE_SET sets all toggles of a row"
	HYPERSCOPE_SET="fp=eager vmid=flush" settings --set fp=lazy_save
	like "$(xargs <<<"$out")" 'fp=lazy_save .*vmid=flush' "--set takes precedence over HYPERSCOPE_SET, toggle by toggle"
	(fixes "of a reason" fp vmid; echo "now: $HYPERSCOPE_SET") >"$tmp/fixed"
	is "$(grep -c '^# not under \(fp\|vmid\)=[a-z_]*: of a reason' "$tmp/fixed")" 2 \
		"a test that fixes toggles says under which values it does not run"
	unlike "$(grep '^now' "$tmp/fixed")" ' (fp|vmid)=' "a test that fixes toggles removes them from HYPERSCOPE_SET"
else
	skip "toggles of a machine" "$O/guest/busybox is missing: set-up could not fetch it"
fi
HYPERSCOPE_SET="color=blue" hs exec --quiet "$O/tests/progs/ends" exit 0
is "$status" 125 "an unknown toggle in HYPERSCOPE_SET is refused"
like "$err" "no toggle 'color'" "an unknown toggle in HYPERSCOPE_SET is named"
"$HS_TOP/tests/run" --out "$O" --set color=blue "$0" >"$tmp/out" 2>&1
is "$? $(grep -c "no toggle 'color'" "$tmp/out")" "2 1" "tests/run refuses an unknown toggle before it runs a test"
HYPERSCOPE_SET="fp=eager" "$HS_TOP/scripts/hyperscope" bench hyperscope --rows sbi_version >"$tmp/out" 2>&1
is "$? $(grep -c 'HYPERSCOPE_SET is set' "$tmp/out")" "2 1" "bench refuses to run with HYPERSCOPE_SET"
done_testing
