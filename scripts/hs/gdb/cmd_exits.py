# SPDX-License-Identifier: MIT
"""cmd_exits - the command hs exits."""
import gdb
from hs import names
from .command import command
from .target import Problem, address, ctype, kernel_pa, load, need_machine, read_kernel, read_physical

MOST = 1000
SEARCHED = 64  # records to search for each exit
SEQUENCE_BITS = 22  # number of upper bits of seq_event, which hold the record's number; the lower bits hold the event


def _event(name):
    for field in ctype("enum trace_event_nr", "trace_emit_slow").fields():
        if field.name.rpartition("::")[2] == "TRACE_" + name:
            return field.enumval
    raise Problem("this build has no event %s" % name)


def _records(mem, base, hart, wanted, most):
    """Return at most MOST of the newest records of the event WANTED in one hart's ring, as (hart, record), newest
    first.

    The oldest record of a full ring is skipped, because the hart may be overwriting it.
    """
    area = base + int(mem["harts_offset"]) + hart * int(mem["hart_stride"])
    head = int.from_bytes(_physical(area, 8), "little")
    size, capacity = int(mem["record_size"]), int(mem["ring_records"])
    type_ = ctype("struct trace_record", "trace_emit_slow")
    found = []
    for n in range(head - 1, max(head - capacity, -1), -1):
        data = _physical(area + int(mem["ring_offset"]) + n % capacity * size, size)
        seq_event = int.from_bytes(data[56:60], "little")
        if seq_event & (1 << 32 - SEQUENCE_BITS) - 1 == wanted:
            found.append((hart, gdb.Value(data, type_)))
            if len(found) == most:
                break
        if head - n >= SEARCHED * most:  # stop searching: the event is rare or off
            break
    return found


def _physical(pa, size):
    data = read_physical(pa, size)
    if data is None:
        raise Problem("the trace memory's header is damaged: it points outside RAM")
    return data


@command("exits")
def exits(argument):
    """Show the last exits from the harts' trace rings, oldest first.

    usage: hs exits [N]           show the last N exits (10)

    The event kvm_exit has to be recorded, which is run's default; exec needs --trace. An exit that
    has just happened and has not been recorded yet is not shown, nor one before many other events.
    The first column is the time since the trace's start in ticks."""
    need_machine()
    if argument and (not argument.isdecimal() or not 1 <= int(argument) <= MOST):
        raise Problem("'%s' is not a number of exits from 1 to %d" % (argument, MOST))
    most = int(argument or 10)
    va = int.from_bytes(read_kernel(address("trace_mem"), 8), "little")
    if not va or kernel_pa(va) is None:
        raise Problem("the host has not set up its trace: it has just started, or has trace.size=0")
    mem = load(ctype("struct trace_mem", "trace_emit_slow"), va)
    wanted, found = _event("kvm_exit"), []
    for hart in range(int(mem["nr_harts"])):
        found += _records(mem, kernel_pa(va), hart, wanted, most)
    if not found:
        raise Problem("no exit among the last %d records of each hart: the guest has not exited, or the event kvm_exit is off "
                      "(--trace)" % (SEARCHED * most))
    found.sort(key=lambda row: int(row[1]["time"]))
    print("%12s hart  vCPU   %-18s %-22s %s" % ("ticks", "pc", "cause", "stval, htval, htinst"))
    for hart, record in found[-most:]:
        sepc, scause, *rest = (int(record["arg"][i]) for i in range(5))
        who = int(record["who"])
        print("%12d %4d %5s   0x%-16x %-22s %s" % (
            int(record["time"]) - int(mem["start_time"]), hart,
            "%d.%d" % (who & 0xffff, who >> 16), sepc,
            names.cause_name(scause), " ".join("0x%x" % v for v in rest)))
