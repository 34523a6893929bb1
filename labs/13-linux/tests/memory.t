#!/bin/bash
# SPDX-License-Identifier: MIT
#
# memory.t - guests and programs see the same memory, whatever Linux does with its pages
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/13-linux/tests/programs.sh"
core_events+=(kvm_unmap_hva_range)
payload exits
programs 250 kvm/memory kvm/pages "kvm/stress 5"
done_testing
