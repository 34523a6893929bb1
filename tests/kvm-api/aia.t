#!/bin/bash
# SPDX-License-Identifier: MIT
#
# aia.t - the AIA in the kernel: its attributes, its registers and its MSIs, without Ssaia, with Ssaia
# but no IMSIC in the machine, and on a machine with an AIA of its own; and the calls of crosvm and
# cloud-hypervisor, which need an AIA. The programs also pass on Linux KVM (kvm-api-linux.slow.t).
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
! qemu_older 8.0 || skip_all "QEMU $(qemu_version) has no -cpu max"
progs=$O/tests/kvm-api

run() # NAME PROGRAM OPTION...
{
	HS_SECONDS=60 hs exec --quiet --harts 2 --env HS_OURS=1 "${@:3}" "$progs/$2"
	relay "$out" "$1"
	is "$status" 0 "$1: $2 exits with status 0" || diag "$err"
}

run "rv64" aia
run "max" aia --cpu max
run "max" aia_msi --cpu max
run "a machine with an AIA" aia --machine aia
run "a machine with an AIA" aia_msi --machine aia
run "a machine with an AIA, in guest files" aia_msi --machine aia --env HS_GUEST_FILES=1
run "a machine with an AIA" aia_direct --machine aia

# cloud-hypervisor requires Smstateen, which `max` has.
run "max" vmm_cloud_hypervisor --cpu max
run "max, with an AIA" vmm_cloud_hypervisor --cpu max --machine aia
run "a machine with an AIA" vmm_crosvm --machine aia
done_testing
