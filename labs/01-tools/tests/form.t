#!/bin/bash
# SPDX-License-Identifier: MIT
#
# form.t - check that answers.txt has every answer, and a number wherever the question requires one
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for name in boot-sbi-base boot-wfi boot-fault-store trace-extension trace-uart-last trace-last-page \
	gdb-a0 gdb-leaf-level cost-fast cost-slow; do
	grep -qxE '0x[0-9a-f]+|[0-9]+(\.[0-9]+)?' <<<"$(answer $name)"
	ok $? "$name is a number"
done
grep -qxE '[a-z][a-z ,-]+' <<<"$(answer boot-most-costly)"
ok $? "boot-most-costly is the name of a row"
for name in equal-register equal-function; do
	grep -qxE '[a-z][a-z0-9_]+' <<<"$(answer $name)"
	ok $? "$name is a name"
done
done_testing
