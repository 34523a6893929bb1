# SPDX-License-Identifier: MIT
#
# escape.sh - run tests/vmm/sandbox_probe on either host.
#
#   . tests/lib/tap.sh; . tests/guest/escape.sh; escape_from HOST [OPTION...]
#   probe HOST SECONDS OPTIONS-OF-EXEC... -- [VMM...]   sets $out to the output, and $status
#
# HOST is hyperscope or linux.

probe()
{
	local host=$1 seconds=$2 command=(exec) options=()
	shift 2
	[ "$host" = hyperscope ] || command=(linux-kvm exec)
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	out=$(timeout -s KILL "$(scaled "$seconds")" "$HS_TOP/scripts/hyperscope" "${command[@]}" --out "$O" \
		--file "$O/tests/vmm/taken_over:/taken_over" --file "$O/guest-payloads/escape.bin:/escape.bin" \
		--file "$O/guest-payloads/other_vm.bin:/other_vm.bin" "${options[@]}" \
		"$O/tests/vmm/sandbox_probe" "$host" "$@" </dev/null 2>"$tmp/err")
	status=$?
	out=$(tr -d '\r' <<<"$out")
}

escape_from()	# HOST
{
	probe "$1" 200 --
	relay "$out"
	like "$out" '^1\.\.' "the test of the sandbox runs to completion" || diag "$(tail -n 20 "$tmp/err")"
}
