#!/bin/bash
# SPDX-License-Identifier: MIT
#
# pairwise-max.slow.t - the programs of pairwise.t on a processor with every extension of QEMU: vectors,
# Svinval, the PMU, Smstateen, AIA's registers.
. "$(dirname "$0")/shared.sh"
"${QEMU:-qemu-system-riscv64}" -cpu help | grep -qw max || { echo "1..0 # SKIP this QEMU has no cpu max"; exit 0; }
"$here/rows" >"$list"
under_rows all --cpu max
