# SPDX-License-Identifier: MIT
#
# claims.sh - repeat a program's TAP as claims of the test that runs it.
#
#   . tests/kvm/claims.sh
#   claims LABEL        relay the claims in $out, prefixed with LABEL, and then claim that $status is
#                       0 and that $out has a plan
claims()
{
	relay "$out" "$1"
	[ "$status" = 0 ] && grep -q '^1\.\.' <<<"$out"
	ok $? "$1: the program ran to its end" || diag "status $status; $err" "$(grep -v '^ok' <<<"$out" | tail -n 20)"
}
