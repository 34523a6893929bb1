#!/bin/bash
# SPDX-License-Identifier: MIT
#
# many-harts.slow.t - a VM with 64 vCPUs on a machine with 64 harts: start and stop of harts, IPIs
# and remote fences to all others.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/payloads.sh"
need_files

vm "64 vCPUs: sbi_harts" sbi_harts --vcpus 64
vm "64 vCPUs: harts" harts --vcpus 64 rounds=2
vm "64 vCPUs: broadcast" broadcast --vcpus 64
BOOT_SECONDS=500 boot hyperscope --icount --harts 64 --memory 1G
done_testing
