#!/bin/bash
# SPDX-License-Identifier: MIT
#
# pairwise-max.slow.t - the programs of pairwise.t on a processor with all of QEMU's extensions:
# vectors, Svinval, the PMU, Smstateen and the registers of the AIA.
. "$(dirname "$0")/shared.sh"
"${QEMU:-qemu-system-riscv64}" -cpu help | grep -qw max || { echo "1..0 # SKIP this QEMU lacks -cpu max"; exit 0; }
"$here/rows" >"$list"
under_rows long --cpu max
