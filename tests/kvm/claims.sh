# SPDX-License-Identifier: MIT
#
# claims.sh - repeat a program's TAP as claims of the test that runs it.
#
#   . tests/kvm/claims.sh
#   claims LABEL        repeat each claim in $out, prefixed with LABEL, and then claim that $status
#                       is 0 and that $out has a plan
claims()
{
	local label=$1 line plan=
	while IFS= read -r line; do
		case $line in
		"ok "*) ok 0 "$label: ${line#ok * - }" ;;
		"not ok "*) ok 1 "$label: ${line#not ok * - }" ;;
		"1.."*) plan=$line ;;
		*) diag "$line" ;;
		esac
	done <<<"$out"
	[ -n "$plan" ] && [ "$status" = 0 ]
	ok $? "$label: the program ran to its end" || diag "status $status, plan '$plan'; $err"
}
