#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kvm-lifecycle.slow.t - 10 000 VMs created, run and destroyed, half of them killed, and 600 rounds of random
# VMMs: see kvm-lifecycle.t.
#
# usage: kvm-lifecycle.slow.t [SEED]   SEED repeats the choices of the random VMMs; each run prints it
slow=yes seed=${1:-$(date +%s)}
. "$(dirname "$0")/kvm-lifecycle.t"
