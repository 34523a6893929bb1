#!/bin/bash
# SPDX-License-Identifier: MIT
#
# damaged.t - what is changed in the file of a saved machine is seen: such a machine is not restored.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/10-dirty/change.sh"

options --smp 2 --mem 32M
saved --save-on writing --save-rounds 0
payload save_dirty rounds=2000

refused "change byte" "a page of which one bit is another is refused, with its address" \
	'--restore.*0x80[0-9a-f]{6}'
refused "change swap" "two pages that have changed places are" '--restore.*0x80[0-9a-f]{6}'
refused "change number" "a page that lies behind the end of RAM is" '--restore: section pages'
done_testing
