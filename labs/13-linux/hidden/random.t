#!/bin/bash
# SPDX-License-Identifier: MIT
#
# random.t - random VMMs with several threads do not harm Linux
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/13-linux/tests/programs.sh"
programs 250 "kvm-api/random 40"
done_testing
