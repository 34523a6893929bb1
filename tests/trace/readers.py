#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readers.py - is what another tool reads of an exported trace what hstrace report says?

usage: readers.py REPORT TOOL TEXT

REPORT is the output of `hstrace report`, TEXT that of the tool:

    csv, json    hstrace export
    perf         perf script --ns
    perf-json    perf data convert --to-json (6.1 leaves the fields out)
    trace-cmd    trace-cmd report -t
    babeltrace2  babeltrace2 --clock-seconds --no-delta
    perfetto     protoc --decode=Trace; also: do its slices nest, do flows begin before they end?

Every event is compared with its time, hart, VM and vCPU, and every field with its value; a
number counts as equal to the name that report has for it. One line says how many were compared;
status 1 and the first difference otherwise.
"""
import csv
import errno
import json
import re
import sys

REPORT = re.compile(r' *(\d+)\.(\d{7}) +(?:(\d+) +)?(\d+) +(-|\d+\.\d+) (\w+):(.*)')
PERF = re.compile(r' *(\S+) +(\d+) +\[(\d+)\] +(\d+)\.(\d{9}): +\w+:(\w+): ?(.*)')
TRACE_CMD = re.compile(r' *(\S+)-(\d+) +\[(\d+)\] +(\d+)\.(\d{9}): (\w+): *(.*)')
BABELTRACE = re.compile(r'\[(\d+)\.(\d{9})\] (\w+): \{ cpu_id = (\d+) \}, \{ vm = (\d+), '
                        r'vcpu = (\d+)(?:, instret = \d+)? \}, \{ (.*) \}')
BABELTRACE_FIELD = re.compile(r'(\w+) = (?:\( (?:"([^"]*)"|<unknown>) : container = (-?\w+) \)|"([^"]*)"|(-?\w+))')


def pairs(text):
    return tuple(tuple(word.split('=', 1)) for word in text.split())


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
    for s in json.load(open(path))['samples']:
        yield s['timestamp'], s['cpu'], who(s['comm']), None, None


def read_babeltrace(path):
    for line in open(path):
        m = BABELTRACE.fullmatch(line.rstrip('\n'))
        if not m:
            raise SystemExit('not a line of babeltrace2: ' + line)
        s, ns, event, cpu, vm, vcpu, fields = m.groups()
        yield (int(s) * 10**9 + int(ns), int(cpu), vm + '.' + vcpu if vm != '0' else '-', event,
               tuple((m[0], m[1] or m[2] or m[3] or m[4]) for m in BABELTRACE_FIELD.findall(fields)))


def read_messages(path):
    """protoc's text: the packets, each a dict of lists of numbers, strings and such dicts."""
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
    """What a viewer would make of the packets: names, tracks, slices, flows; all have to fit."""

    def __init__(self):
        self.events, self.names, self.tracks = {}, {}, {'0': 'everything'}
        self.open, self.last, self.flows = {}, {}, set()
        self.slices = self.ended_flows = 0

    def describe(self, track):
        uuid = track['uuid'][0]
        if 'parent_uuid' in track and track['parent_uuid'][0] not in self.tracks:
            raise SystemExit('a track without its parent: %s' % track)
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
            raise SystemExit('a slice ends on track %s that did not begin' % self.tracks[uuid])
        self.slices += kind == 'TYPE_SLICE_END'
        self.flows.update(event.get('flow_ids', ()))
        for flow in event.get('terminating_flow_ids', ()):
            if flow not in self.flows:
                raise SystemExit('flow %s ends and did not begin' % flow)
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
    'perf-json': read_perf_json,
    'trace-cmd': lambda path: read_lines(path, TRACE_CMD),
}


def number(text):
    """What a field's text stands for, as 64 bits without sign; None: a name."""
    if re.fullmatch(r'-?(0x[0-9a-fA-F]+|\d+)', text):
        return int(text, 0) % 2**64
    if text.startswith('exception_'):
        return int(text[10:])
    if text[0] == '-' and hasattr(errno, text[1:]):
        return 2**64 - getattr(errno, text[1:])
    return None


def same(want, got):
    if want == got:
        return True
    if not want or not got:
        return False
    have = number(got)
    if want.startswith('irq_') and want[4:].isdigit() and have is not None:
        # an interrupt has bit 63 or 31, and a code below it
        return (have >> 63 or have >> 31 == 1) and have & 0x7fffffff == int(want[4:])
    return have is not None and number(want) == have


def same_fields(want, got):
    if got is None:
        return True
    if isinstance(got, dict):
        return all(same(v, got.get(k, '')) for k, v in want) and got.keys() <= dict(want).keys()
    return len(want) == len(got) and all(
        w[0] == g[0] and same(w[1], g[1]) for w, g in zip(want, got))


def by_hart(events):
    harts = {}
    for e in events:
        harts.setdefault(e[1], []).append(e)
    return harts


def main():
    _, report, tool, text = sys.argv
    want, got = by_hart(read_report(report)), by_hart(READERS[tool](text))
    n = 0
    for hart in sorted(want.keys() | got.keys()):
        w, g = want.get(hart, []), got.get(hart, [])
        for a, b in zip(w, g):
            if a[0] != b[0] or a[2] != b[2] or b[3] not in (a[3], None) or not same_fields(a[4], b[4]):
                sys.exit('hart %d, event %d:\nreport:  %s\n%s: %s' % (hart, n, a, tool, b))
            n += 1
        if len(w) != len(g):
            sys.exit('hart %d: %d events in the report, %d by %s' % (hart, len(w), len(g), tool))
    if not n:
        sys.exit('no event at all')
    print('%d events equal' % n)


main()
