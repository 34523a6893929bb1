# SPDX-License-Identifier: MIT
#
# escape.sh - run the payload escape in the VMM taken_over, with and without the sandbox, on either host.
#
#   . tests/lib/tap.sh; . tests/guest/escape.sh; escape_from exec [OPTION...]
#   escape_from linux-kvm exec [OPTION...]

escape_script()
{
	cat <<'END'
cd /
echo secret >left-open
ulimit -l 8192
sleep 1000 &
victim=$!
try() {
	label=$1
	shift
	echo "=== $label"
	"$@" </dev/null 2>&1 7<left-open
	printf '\n=== status %d\n' $?
}
try inside /taken_over --quiet --append "victim=$victim fd=7" /escape.bin
try outside /taken_over --quiet --no-sandbox --append "victim=$victim fd=7 open=1" /escape.bin
kill -0 $victim && echo "=== alive"
END
}

escape_from()	# HYPERSCOPE-COMMAND...
{
	local name
	escape_script >"$tmp/escape"
	out=$(timeout -s KILL "$(scaled 200)" "$HS_TOP/scripts/hyperscope" "$@" --out "$O" \
		--file "$O/tests/vmm/taken_over:/taken_over" --file "$tmp/escape:/escape" \
		--file "$O/guest-payloads/escape.bin:/escape.bin" \
		"$O/guest/busybox" sh /escape 2>"$tmp/err")
	for name in inside outside; do
		relay "$(sed -n "/^=== $name\$/,/^=== status/p" <<<"$out" | grep -v '^===')" "$name"
		is "$(sed -n "/^=== $name\$/,\$s/^=== status //p" <<<"$out" | head -n 1)" 0 \
			"$name: the guest powers off, so the VMM was not killed"
	done
	like "$out" '=== alive' "the other process still runs" || diag "$(tail -n 20 "$tmp/err")"
}
