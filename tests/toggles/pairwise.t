#!/bin/bash
# SPDX-License-Identifier: MIT
#
# pairwise.t - functional programs under rows of toggles in which any two values of any two toggles
# occur together (rows.t checks that they do). functional.slow.t runs whole test files under these
# rows.
#
# Time-out: 300 seconds.
. "$(dirname "$0")/shared.sh"
"$here/rows" >"$list"
under_rows all --boot-rows 4
