# SPDX-License-Identifier: MIT
"""shares.py - divide the difference between hyperscope and Linux KVM between the core and the host.

The Linux module has hyperscope's core and Linux KVM's host. So what Linux KVM costs more than the module is due to the
core, and what the module costs more than hyperscope is due to the host.
"""

# Rows, in the order in which they are shown.
ROWS = ("sbi_version", "sbi_set_timer", "sbi_ipi_self", "sbi_fence_i_self", "virtual_insn", "wfi_pending", "mmio_ioeventfd",
        "mmio_read", "sbi_user", "fault_4k_present", "fault_4k_fresh", "dirty_write", "dirty_split", "run_vcpus",
        "run_vcpus_fp", "plic_eoi", "blk_read_4k", "io_out", "io_in", "ipi_pingpong", "host_tick", "ioctl_nothing",
        "kvm_interrupt")


def divided(figures):
    """Yield (row, hyperscope's figure, the module's, Linux KVM's) for the rows that all three have."""
    for row in ROWS:
        found = tuple(figures.value(system, row, "") for system in ("hyperscope", "module", "linux"))
        if None not in found and found[2]:
            yield (row,) + found
