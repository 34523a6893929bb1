# SPDX-License-Identifier: MIT
"""perf-exits.py - print a table of a trace's exits, from within perf:

    hstrace export --to perf TRACE perf.data
    perf script -s trace/export/perf-exits.py -i perf.data

Each row shows an exit cause by its RISC-V name, the number of exits, their share, and the mean and
maximum time from an exit to the vCPU's next entry (in microseconds). `perf kvm stat` on another
architecture gives all causes the same wrong name, and on RISC-V (perf 6.12) it counts all
interrupts as UNKNOWN.
"""
import os
import sys

sys.dont_write_bytecode = True  # the checkout may be read-only
# perf defines __file__ only while it loads this file.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "scripts"))

from hs.names import cause_name  # noqa: E402

rows = {}       # cause: [exits, exits followed by an entry, sum of the times in between (ns), greatest time (ns)]
last_exit = {}  # (VM, vCPU): (row, time in ns)


def trace_unhandled(event_name, context, fields, sample):
    """Called by perf for every event that has no handler function of its own."""
    vcpu = fields['vm'], fields['vcpu'] if 'vcpu' in fields else fields['id']
    time = fields['common_s'] * 10**9 + fields['common_ns']
    if event_name.endswith('__kvm_exit'):
        row = rows.setdefault(cause_name(fields['scause']), [0, 0, 0, 0])
        row[0] += 1
        last_exit[vcpu] = row, time
    elif event_name.endswith('__kvm_entry') and vcpu in last_exit:
        row, begin = last_exit.pop(vcpu)
        row[1] += 1
        row[2] += time - begin
        row[3] = max(row[3], time - begin)


def trace_end():
    total = sum(row[0] for row in rows.values())
    print('%-24s %10s %7s %10s %10s' % ('cause', 'count', 'share', 'mean us', 'max us'))
    for name, row in sorted(rows.items(), key=lambda item: -item[1][0]):
        print('%-24s %10d %6.2f%% %10.1f %10.1f' % (
            name, row[0], 100 * row[0] / total, row[2] / max(row[1], 1) / 1000, row[3] / 1000))
