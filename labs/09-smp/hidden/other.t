#!/bin/bash
# SPDX-License-Identifier: MIT
#
# other.t - masks, lists and turns drawn from the instructor's key give the right results, with
# VMIDs of 4 bits
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 3 --vcpus 6 --boot kvm.vmid_bits=4
payload lab09 part=masks $(variant --line)
payload lab09_list $(variant --line)
payload lab09_vmid bits=4 $(variant --line)
done_testing
