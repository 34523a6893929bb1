#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readers.py - check that another tool reads from an exported trace what hstrace report prints.

usage: readers.py REPORT TOOL TEXT

REPORT is the output of `hstrace report`, TEXT that of the tool:

    csv, json    hstrace export
    perf         perf script --ns
    perf-report  perf report --stdio -s cpu,comm,trace -F sample,cpu,comm,trace -w 8,4,12,300: the
                 number of events with the same fields (without -w, perf truncates strings)
    perf-json    perf data convert --to-json, without `sample` (perf 6.1 leaves the fields out)
    perf-ctf     perf data convert --to-ctf, then babeltrace2 as below
    perf-exits   perf script -s perf-exits.py: each cause's count and cost
    kvm-stat     perf kvm stat report (RISC-V perf): each cause's count, and how long the guest ran
    trace-cmd    trace-cmd report -t
    kernelshark  kernelshark.py
    babeltrace2  babeltrace2 --clock-seconds --no-delta
    perfetto     protoc --decode=Trace; slices must nest, and flows must begin before they end
    perfetto-sql, perfetto-slices
                 perfetto.mjs FOLDER TRACE "$(readers.py - perfetto-sql -)"

Compares the time, hart, VM and vCPU of every event and the value of every field; if TOOL prints a table of
counts or durations, compares those instead. perf-json and perf-ctf have numbers where report prints names: a number
is considered equal to a name if the two always correspond in this field. Prints the number of events compared,
or prints the first difference and returns status 1.
"""
import collections
import csv
import errno
import json
import re
import sys

REPORT = re.compile(r' *(\d+)\.(\d{7}) +(?:(\d+) +)?(\d+) +(-|\d+\.\d+)(?: +(?:-|L[12]))? (\w+):(.*)')
PERF = re.compile(r' *(\S+) +(\d+) +\[(\d+)\] +(\d+)\.(\d{9}): +\w+:(\w+): ?(.*)')
TRACE_CMD = re.compile(r' *(\S+)-(\d+) +\[(\d+)\] +(?:\.+ +)?(\d+)\.(\d{9}): (\w+): *(.*)')
BABELTRACE = re.compile(r'\[(\d+)\.(\d{9})\] (\w+): \{ cpu_id = (\d+) \}, \{ vm = (\d+), '
                        r'vcpu = (\d+)(?:, instret = \d+)? \}, \{ (.*) \}')
PERF_CTF = re.compile(r'\[(\d+)\.(\d{9})\] \w+:(\w+): \{ cpu_id = (\d+) \}, \{ .* vm_? = (\d+), '
                      r'(?:vcpu|id)_? = (\d+), instret_? = \d+(.*) \}')
KERNELSHARK = re.compile(r'\d+; (\d+); (\S+)-\d+; CPU (\d+); [^;]*; \w+/(\w+); (.*); 0x[0-9a-f]+')
BABELTRACE_FIELD = re.compile(r'(\w+) = (?:\( (?:"([^"]*)"|<unknown>) : container = (-?\w+) \)|"([^"]*)"|(-?\w+))')


def pairs(text):
    """Parse NAME=VALUE fields. A value may contain blanks, and ends where the next field begins."""
    return tuple(re.findall(r'(\w+)=(.*?)(?: (?=\w+=)|$)', text))


def who(comm):
    return '-' if comm == 'host' else comm[2:]


def read_report(path):
    for line in open(path):
        if line.startswith('#'):
            continue
        m = REPORT.fullmatch(line.rstrip('\n'))
        if not m:
            raise SystemExit('not a line of hstrace report: ' + line)
        s, part, _, hart, guest, event, fields = m.groups()
        yield int(s) * 10**9 + int(part) * 100, int(hart), guest, event, pairs(fields)


def read_lines(path, pattern):
    for line in open(path):
        m = pattern.fullmatch(line.rstrip('\n'))
        if m:
            comm, _, cpu, s, ns, event, fields = m.groups()
            yield int(s) * 10**9 + int(ns), int(cpu), who(comm), event, pairs(fields)


def read_csv(path):
    for row in csv.DictReader(open(path)):
        guest = row['vm'] + '.' + row['vcpu'] if row['vm'] else '-'
        fixed = ('time_ns', 'instret', 'hart', 'vm', 'vcpu', 'event')
        yield (int(row['time_ns']), int(row['hart']), guest, row['event'],
               {k.rstrip('_'): v for k, v in row.items() if k not in fixed and v != ''})


def read_json(path):
    for line in open(path):
        e = json.loads(line)
        guest = '%d.%d' % (e['vm'], e['vcpu']) if 'vm' in e else '-'
        yield (e['time_ns'], e['hart'], guest, e['event'],
               tuple((k, str(v)) for k, v in e['fields'].items()))


def read_perf_json(path):
    """Read samples. If a field has the same name as a property of the sample, the property comes first."""
    for sample in json.load(open(path), object_pairs_hook=lambda pairs: pairs)[-1][1]:
        s = dict(reversed(sample))
        keys = [k for k, _ in sample]
        fields = tuple(sample[keys.index('instret') + 1:]) if 'instret' in keys else None
        yield s['timestamp'], s['cpu'], who(s['comm']), None, fields


def read_perf_ctf(path):
    for line in open(path):
        if ' cpu-clock:' in line:  # a duplicate of the event `sample`
            continue
        m = PERF_CTF.fullmatch(line.rstrip('\n'))
        if not m:
            raise SystemExit('not a line of babeltrace2: ' + line)
        s, ns, event, cpu, vm, vcpu, fields = m.groups()
        yield (int(s) * 10**9 + int(ns), int(cpu), vm + '.' + vcpu if vm != '0' else '-', event,
               tuple((m[0], m[1] or m[2]) for m in re.findall(r'(\w+) = (?:"([^"]*)"|(-?\w+))', fields)))


def read_kernelshark(path):
    for line in open(path):
        m = KERNELSHARK.fullmatch(line.rstrip('\n'))
        if not m:
            raise SystemExit('not an entry of libkshark: ' + line)
        ns, comm, cpu, event, fields = m.groups()
        yield int(ns), int(cpu), who(comm), event, pairs(fields)


PERFETTO_SQL = """
    select s.id, s.ts, s.category, coalesce(th.name, tr.name), a.flat_key, a.value_type,
           coalesce(a.string_value, a.int_value)
    from slice s join track tr on tr.id = s.track_id
    left join thread_track tt on tt.id = s.track_id left join thread th using (utid)
    left join args a using (arg_set_id)
    where s.category is not null order by s.id, a.id"""


def read_perfetto_sql(path):
    """Read events. Each has one row per annotation, and its first annotation is its hart."""
    event = None
    for line in open(path):
        nr, ts, category, track, key, kind, value = json.loads(line)
        if event is None or nr != event[0]:
            if event:
                yield event[1:5] + (tuple(event[5]),)
            guest = track[5:] if track.startswith('vCPU ') else '-'
            event = (nr, int(ts), int(value), guest, category, [])
            if key != 'debug.hart':
                raise SystemExit('the first annotation of this event is not its hart: ' + line)
        elif key != 'debug.instret':
            event[5].append((key[6:], str(int(value) % 2**64) if kind == 'pointer' else value))
    if event:
        yield event[1:5] + (tuple(event[5]),)


def read_babeltrace(path):
    for line in open(path):
        m = BABELTRACE.fullmatch(line.rstrip('\n'))
        if not m:
            raise SystemExit('not a line of babeltrace2: ' + line)
        s, ns, event, cpu, vm, vcpu, fields = m.groups()
        yield (int(s) * 10**9 + int(ns), int(cpu), vm + '.' + vcpu if vm != '0' else '-', event,
               tuple((m[0], m[1] or m[2] or m[3] or m[4]) for m in BABELTRACE_FIELD.findall(fields)))


def read_messages(path):
    """Parse protoc's text into packets: dicts whose values are lists of numbers, strings and nested dicts."""
    stack = []
    for line in open(path):
        line = line.strip()
        if line == '}':
            done = stack.pop()
            if not stack:
                yield done
        elif line.endswith(' {'):
            child = {}
            if stack:
                stack[-1].setdefault(line[:-2], []).append(child)
            stack.append(child)
        else:
            key, value = line.split(': ', 1)
            stack[-1].setdefault(key, []).append(value[1:-1] if value[0] == '"' else value)


class Perfetto:
    """The names, tracks, slices and flows that a viewer would build from the packets.

    Inconsistent packets are errors.
    """

    def __init__(self):
        self.events, self.names, self.tracks = {}, {}, {'0': 'everything'}
        self.open, self.last, self.flows = {}, {}, set()
        self.slices = self.ended_flows = 0

    def describe(self, track):
        uuid = track['uuid'][0]
        if 'parent_uuid' in track and track['parent_uuid'][0] not in self.tracks:
            raise SystemExit('the parent of this track is not described: %s' % track)
        name = (track.get('name') or track.get('thread', [{}])[0].get('thread_name')
                or track['process'][0]['process_name'])[0]
        self.tracks[uuid] = name

    def draw(self, time, event):
        uuid, kind = event['track_uuid'][0], event['type'][0]
        if uuid not in self.tracks:
            raise SystemExit('an event on a track that is not described: %s' % event)
        if time < self.last.get(uuid, 0):
            raise SystemExit('time runs backwards on track %s' % self.tracks[uuid])
        self.last[uuid] = time
        self.open[uuid] = self.open.get(uuid, 0) + {'TYPE_SLICE_BEGIN': 1, 'TYPE_SLICE_END': -1}.get(kind, 0)
        if self.open[uuid] < 0:
            raise SystemExit('a slice ends on track %s without having begun' % self.tracks[uuid])
        self.slices += kind == 'TYPE_SLICE_END'
        self.flows.update(event.get('flow_ids', ()))
        for flow in event.get('terminating_flow_ids', ()):
            if flow not in self.flows:
                raise SystemExit('flow %s ends without having begun' % flow)
            self.flows.remove(flow)
            self.ended_flows += 1
        return self.tracks[uuid]

    def read(self, path):
        for packet in read_messages(path):
            for data in packet.get('interned_data', ()):
                self.events.update((c['iid'][0], c['name'][0]) for c in data['event_categories'])
                self.names.update((c['iid'][0], c['name'][0]) for c in data['debug_annotation_names'])
            for track in packet.get('track_descriptor', ()):
                self.describe(track)
            for event in packet.get('track_event', ()):
                time = int(packet['timestamp'][0])
                track = self.draw(time, event)
                if 'category_iids' not in event:
                    continue
                a = [(self.names[d['name_iid'][0]], self.value(d)) for d in event['debug_annotations']]
                fields = a[2:] if a[1:] and a[1][0] == 'instret' else a[1:]
                guest = track[5:] if track.startswith('vCPU ') else '-'
                yield time, int(a[0][1]), guest, self.events[event['category_iids'][0]], tuple(fields)
        print('%d slices, %d flows' % (self.slices, self.ended_flows))

    @staticmethod
    def value(annotation):
        return next(v[0] for k, v in annotation.items() if k != 'name_iid')


READERS = {
    'perfetto': lambda path: Perfetto().read(path),
    'babeltrace2': read_babeltrace,
    'csv': read_csv,
    'json': read_json,
    'perf': lambda path: read_lines(path, PERF),
    'perf-ctf': read_perf_ctf,
    'perf-json': read_perf_json,
    'kernelshark': read_kernelshark,
    'perfetto-sql': read_perfetto_sql,
    'trace-cmd': lambda path: read_lines(path, TRACE_CMD),
}

NUMBERS = ('perf-json', 'perf-ctf')  # tools that do not print names for numbers
BY_BABELTRACE = ('babeltrace2', 'perf-ctf')


def number(text):
    """Return a field's text as an unsigned 64-bit number, or None if it is a name without a known number."""
    if re.fullmatch(r'-?(0x[0-9a-fA-F]+|\d+)', text):
        return int(text, 16 if 'x' in text else 10) % 2**64
    if text.startswith('exception_'):
        return int(text[10:])
    if text.startswith('-') and hasattr(errno, text[1:]):
        return 2**64 - getattr(errno, text[1:])
    return None


def named(where, name, value):
    """Record that the name stands for the number in this field; return False if either has another counterpart."""
    return (named.number.setdefault((where, name), value) == value
            and named.name.setdefault((where, value), name) == name)


named.number, named.name = {}, {}


def same(want, got, where):
    if want == got:
        return True
    if not want or not got:
        return False
    have = number(got)
    if want.startswith('irq_') and want[4:].isdigit() and have is not None:
        # An interrupt's number has bit 63 or 31 set, and the interrupt's code in the bits below.
        return (have >> 63 or have >> 31 == 1) and have & 0x7fffffff == int(want[4:])
    if where and have is not None and number(want) is None:
        return named(where, want, have)
    return have is not None and number(want) == have


def same_fields(event, want, got, tool):
    if got is None:
        return True
    if isinstance(got, dict):
        return (all(same(v, got.get(k, ''), None) for k, v in want)
                and got.keys() <= dict(want).keys())
    return len(want) == len(got) and all(
        w[0] == g[0] and (same(w[1], g[1], tool in NUMBERS and (event, w[0]))
                          or tool in BY_BABELTRACE and not w[1] and (event, w[0], g[1]) in texts
                          or tool in NUMBERS and g[1] == run_on(want[i:]))
        for i, (w, g) in enumerate(zip(want, got)))


def run_on(fields):
    """Return the first field as perf converts it: a value of 8 bytes or more runs on into the next field."""
    text = ''
    for _, value in fields:
        text += value
        if len(value.encode()) < 8:
            break
    return text


# (event, field name, text) for each field in the report. babeltrace2 2.0.4 reuses a string's buffer, and for an empty
# string it resets the length but not the contents, so it prints an earlier string of the field. (The stream is
# correct.)
texts = set()


def by_hart(events):
    harts = {}
    for e in events:
        harts.setdefault(e[1], []).append(e)
    return harts


# ---- tables ----

def visits(report, begin, end):
    """Yield (vCPU, scause, duration) for each interval from event `begin` to event `end`."""
    since = {}
    for time, _, guest, event, fields in report:
        if event == end and guest in since:
            start, cause = since.pop(guest)
            yield guest, cause or dict(fields).get('scause'), time - start
        elif event == begin:
            since[guest] = time, dict(fields).get('scause')


def costs(stays):
    rows = {}
    for cause, ns in stays:
        rows.setdefault(cause, []).append(ns)
    return rows


def near(a, b, digits):
    return abs(a - float(b)) <= 0.6 / 10**digits


def table_perf_exits(report, path):
    """Compare each cause's count, and the mean and maximum of its cost in us."""
    cost = costs((cause, ns) for _, cause, ns in visits(report, 'kvm_exit', 'kvm_entry'))
    count = collections.Counter(dict(e[4])['scause'] for e in report if e[3] == 'kvm_exit')
    for line in list(open(path))[1:]:
        cause, n, _, mean, top = line.split()
        ns = cost.get(cause, [0])
        if count.pop(cause, 0) != int(n) or not near(sum(ns) / len(ns) / 1e3, mean, 1) or \
                not near(max(ns) / 1e3, top, 1):
            raise SystemExit('perf-exits.py has %s of %s: %s' % (line, cause, ns[:5]))
        yield int(n)
    if count:
        raise SystemExit('perf-exits.py lacks %s' % count)


KVM_STAT = {
    'illegal_inst': 'INST_ILLEGAL', 'ecall_vs': 'SUPERVISOR_SYSCALL', 'breakpoint': 'BREAKPOINT',
    'virtual_inst': 'VIRTUAL_INST_FAULT', 'inst_guest_page_fault': 'INST_GUEST_PAGE_FAULT',
    'load_guest_page_fault': 'LOAD_GUEST_PAGE_FAULT',
    'store_guest_page_fault': 'STORE_GUEST_PAGE_FAULT'}


def table_kvm_stat(report, path):
    """Compare each cause's number of samples, share of time, and minimum, maximum and mean time in us."""
    rows = costs((KVM_STAT.get(cause, 'UNKNOWN'), ns)
                 for _, cause, ns in visits(report, 'kvm_entry', 'kvm_exit'))
    whole = sum(sum(ns) for ns in rows.values())
    for line in open(path):
        m = re.match(r' *(\w+) +(\d+) +([\d.]+)% +([\d.]+)% +([\d.]+)us +([\d.]+)us +([\d.]+)us', line)
        if not m:
            continue
        ns = rows.pop(m[1], None)
        if not ns or len(ns) != int(m[2]) or not near(100 * sum(ns) / whole, m[4], 2) or \
                not near(sum(ns) / len(ns) / 1e3, m[7], 2):
            raise SystemExit('perf kvm stat has %s, report: %s' % (line, ns and (len(ns), sum(ns))))
        if m[1] != 'UNKNOWN' and not (near(min(ns) / 1e3, m[5], 2) and near(max(ns) / 1e3, m[6], 2)):
            raise SystemExit('perf kvm stat has %s, report: %d to %d ns' % (line, min(ns), max(ns)))
        yield len(ns)
    if rows:
        raise SystemExit('perf kvm stat lacks %s' % sorted(rows))


def table_perf_report(report, path):
    """Compare, under each event's title, the count, the hart, the vCPU and the fields."""
    def value(text):
        return text.rstrip() if number(text) is None else number(text)

    want = {}
    for _, hart, guest, event, fields in report:
        key = hart, guest, tuple((k, value(v)) for k, v in fields)
        want.setdefault(event, collections.Counter())[key] += 1
    event = None
    for line in open(path):
        title = re.match(r"# Samples: .* of event '(?:\w+:(\w+)'|cpu-clock)", line)
        if title:
            event = title[1]  # None: a duplicate of the event `sample`
        row = re.fullmatch(r' +(\d+) +(\d+) +(host|vm\S+)(?: +(\S.*))?\n', line)
        if not row or not event:
            continue
        key = int(row[2]), who(row[3]), tuple((k, value(v)) for k, v in pairs(row[4] or ''))
        if want[event].pop(key, 0) != int(row[1]):
            raise SystemExit('perf report has %s of %s' % (line, event))
        yield int(row[1])
    left = {event: rows for event, rows in want.items() if rows}
    if left:
        raise SystemExit('perf report lacks %s' % left)


def table_perfetto_slices(report, path):
    """Compare, for each vCPU, the count and total duration of the complete slices of the guest and of each cause."""
    want = {}
    for guest, cause, ns in visits(report, 'kvm_exit', 'kvm_entry'):
        want.setdefault((guest, cause), []).append(ns)
    for guest, _, ns in visits(report, 'kvm_entry', 'kvm_exit'):
        want.setdefault((guest, 'guest'), []).append(ns)
    for line in open(path):
        track, name, n, ns = json.loads(line)
        if name == 'blocked' or name.startswith('user space'):
            continue
        rows = want.pop((track[5:], name), [])
        if len(rows) != int(n) or sum(rows) != int(ns):
            raise SystemExit('Perfetto has %s, report: %d, %d ns' % (line, len(rows), sum(rows)))
        yield len(rows)
    if want:
        raise SystemExit('Perfetto lacks %s' % sorted(want))


TABLES = {
    'kvm-stat': table_kvm_stat,
    'perf-exits': table_perf_exits,
    'perf-report': table_perf_report,
    'perfetto-slices': table_perfetto_slices,
}

QUERIES = {
    'perfetto-sql': PERFETTO_SQL,
    'perfetto-slices': """
        select th.name, s.name, count(*), sum(s.dur) from slice s
        join thread_track tt on tt.id = s.track_id join thread th using (utid)
        where th.name glob 'vCPU*' and s.category is not null and s.name <> s.category and s.dur >= 0
        group by 1, 2""",
}


def compare_events(report, tool, text):
    report = list(report)
    if tool == 'perf-json':  # perf 6.1 does not tell cpu-clock, a duplicate of `sample`, from kvm_exit
        report = [e for e in report if e[3] != 'sample']
    if tool in BY_BABELTRACE:
        texts.update((event, fields[i][0], text) for *_, event, fields in report
                     for i in range(len(fields)) for text in (fields[i][1], run_on(fields[i:])))
    want, got = by_hart(report), by_hart(READERS[tool](text))
    n = 0
    for hart in sorted(want.keys() | got.keys()):
        w, g = want.get(hart, []), got.get(hart, [])
        for a, b in zip(w, g):
            if a[0] != b[0] or a[2] != b[2] or b[3] not in (a[3], None) or \
                    not same_fields(a[3], a[4], b[4], tool):
                sys.exit('hart %d, event %d:\nreport:  %s\n%s: %s' % (hart, n, a, tool, b))
            n += 1
        if len(w) != len(g):
            sys.exit('hart %d: %d events in the report, %d from %s' % (hart, len(w), len(g), tool))
    return n


def main():
    _, report, tool, text = sys.argv
    if report == '-':
        print(QUERIES[tool])
        return
    events = read_report(report)
    if tool in TABLES:
        n = sum(TABLES[tool](list(events), text))
    else:
        n = compare_events(events, tool, text)
    if not n:
        sys.exit('there are no events to compare')
    print('%d events equal' % n)


if __name__ == '__main__':
    main()
