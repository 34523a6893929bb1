# SPDX-License-Identifier: MIT
#
# shared.sh - what the tests of this folder share: under_rows() runs the programs under each row of
# a list.
here=$(cd "$(dirname "$0")" && pwd)
: "${HS_TOP:=${here%/tests/*}}" "${O:=$HS_TOP/build}"
export HS_TOP O HYPERSCOPE_SET=	# the rows set every toggle
mkdir -p "$O/tmp"
list=$(mktemp "$O/tmp/rows.XXXXXX") || exit 1

under_rows()	# SELECTION OPTION...
{
	local selection=$1
	shift
	trap 'rm -f "$list"' EXIT
	"$here/try" --selection "$selection" --rows-of "$list" "$@"
}
