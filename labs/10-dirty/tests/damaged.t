#!/bin/bash
# SPDX-License-Identifier: MIT
#
# damaged.t - a saved machine whose file was changed is not restored
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/10-dirty/change.sh"

options --vcpus 2 --memory 32M
saved --save-on writing --save-rounds 0
payload save_dirty rounds=2000

refused "change byte" "a page with one changed bit is refused, and the message has its address" \
	'--restore.*\bPAGE\b'
refused "change swap" "two exchanged pages are refused, and the message has the address of one" \
	'--restore.*\bPAGE\b'
refused "change number" "a page beyond the end of RAM is refused" '--restore: section pages'
done_testing
