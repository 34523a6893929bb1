#!/bin/bash
# SPDX-License-Identifier: MIT
#
# product.slow.t - every combination of all values of all toggles, with five short payloads each: SBI,
# timer, exits, MMIO, FP. SHARE=K/N runs the K-th of every N combinations. Time-out: 14400 seconds.
. "$(dirname "$0")/shared.sh"
"$here/rows" --product --share "${SHARE:-1/1}" >"$list" || exit 2
under_rows short --brief
