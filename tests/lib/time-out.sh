# SPDX-License-Identifier: MIT
#
# time-out.sh - the time-out that a test file declares.
#
#   declared_seconds FILE   print N if the header of a *.t says "Time-out: N seconds.", else nothing

declared_seconds()
{
	case $1 in *.t) sed -n '1,12s/.*Time-out: \([0-9]*\) seconds\..*/\1/p' "$1" ;; esac
}
