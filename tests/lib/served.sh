# SPDX-License-Identifier: MIT
#
# served.sh - call a command of scripts/hyperscope often, without a new Python for each call. Python
# and its imports take most of the time of a call that only prints a refusal.
#
#   . tests/lib/tap.sh; . tests/lib/served.sh
#   serve PYTHON COMMAND [MODULE...]  start a PYTHON that has imported COMMAND and these modules
#   served ARGS...                    call it; sets $status, and $out to its output and errors
#
# The calls run in the folder and with the environment of serve. No argument may have a line break.

serve()
{
	coproc server { exec "$1" "$HS_TOP/tests/lib/served.py" "$2" "$tmp/served" "${@:3}" 2>&1; }
}

served()
{
	printf '%s\n' "${*@Q}" >&"${server[1]}"
	status= out=
	read -r status <&"${server[0]}" && out=$(<"$tmp/served")
}
