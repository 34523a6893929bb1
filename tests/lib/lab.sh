# SPDX-License-Identifier: MIT
#
# lab.sh - for the tests of labs (labs/README.md); after tap.sh.
#
#   variant NAME              a value of the student's variant, from $HS_VARIANT (JSON) or lab.json
#   payload NAME [WORD...]    run a payload in a VM, WORDs on its command line; its TAP is this
#                             test's own, and what stopped the machine is told
#   options OPTION...         of scripts/hyperscope, for the payloads from here on

variant()
{
	python3 -c 'import json, os, sys
text = os.environ.get("HS_VARIANT", "")
made = json.loads(text) if text else json.load(open(sys.argv[2]))["variant"]
print(made[sys.argv[1]])' "$1" "$HS_TOP/lab.json"
}

lab_options=()
options()
{
	lab_options=("$@")
}

payload()
{
	local name=$1 plan
	shift
	hs run --quiet ${lab_options[@]+"${lab_options[@]}"} --append "$*" "$O/guest-payloads/$name.bin"
	out=$(tr -d '\r' <<<"$out")
	relay "$out"
	plan=$(sed -n 's/^1\.\.//p' <<<"$out")
	is "$status:$plan" "0:$(grep -cE '^(not )?ok ' <<<"$out")" "$name comes to its end" ||
		diag "$(tail -n 5 <<<"$err")"
}
