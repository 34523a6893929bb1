#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tables.t - the core's own claims about tables, on this machine: tests/native/test_gstage.c.
. "$HS_TOP/tests/lib/tap.sh"
make -s --no-print-directory -C "$HS_TOP" O="$O" "$O/tests/native/test_gstage" >"$tmp/make" 2>&1
is $? 0 "the claims are built" || diag "$(tail -n 5 "$tmp/make")"
CMOCKA_MESSAGE_OUTPUT=TAP timeout "$(scaled 30)" "$O/tests/native/test_gstage" >"$tmp/out" 2>&1
status=$?
relay "$(cat "$tmp/out")"
is "$status" 0 "all of them are made" || diag "$(tail -n 5 "$tmp/out")"
done_testing
