// SPDX-License-Identifier: MIT
/*
 * report.js - build the page: sections, search, theme.
 */
'use strict';

/* A cause has the same color everywhere. The causes with the most exits have one of their own. */
const COLORS = new Map();
{
	const totals = new Map();
	for (const run of RUNS)
		for (const row of drawnRows(run))
			totals.set(row.title, (totals.get(row.title) || 0) + exitCount(row));
	[...totals.keys()].sort((a, b) => totals.get(b) - totals.get(a))
		.forEach((title, i) => COLORS.set(title, Math.min(i, NR_CAUSE_COLORS)));
}

const TIMELINES = [];

/* ---- notes on a run ---- */

function notes(run) {
	const written = sum(run.rings.map((ring) => ring[0]));
	const lost = sum(run.rings.map((ring) => ring[1]));
	const kept = sum(run.rings.map((ring) => ring[2]));
	const list = [];
	list.push(count(written) + ' events written by ' + run.nrHarts + (run.nrHarts === 1 ? ' hart, ' :
		' harts, ') + (lost ? count(lost) + ' lost (missing from all drawings over time' +
		(run.accounted ? ', but not from the exit table); ' : ' and from the exit table); ') : 'none lost; ') +
		(run.seen < kept ? count(run.seen) + ' selected for this page; ' : '') +
		'time span: ' + (run.seen ? duration(run.span / run.hz) : 'none') + '.');
	if (!run.accounted)
		list.push('Exits were not accounted (exitstat=0): the exit table is made from the events.');
	else if (run.unit === 'none')
		list.push('Costs are not shown: under icount, several harts share one instret counter. The harts run in ' +
			'turn, so times between events include the turns of other harts.');
	else if (run.unit === 'time')
		list.push('Costs are microseconds of the machine that QEMU ran on: indicative only, not comparable ' +
			'between runs.');
	if (!run.seen)
		list.push('The trace has no events, or none were selected: the parts made from events are empty.');
	if (run.damage)
		list.unshift('Only a part of this file can be read: ' + run.damage + '.');
	return h('div', { class: lost || !run.seen || run.damage ? 'note' : 'muted small' },
		list.map((text) => h('p', {}, text)));
}

/* ---- exits ---- */

/* What a cost covers, in the words of docs/trace.md (tests/trace/html.t compares them). */
const COVERED = 'The cost of an exit is measured from just after the world switch to just before the ' +
	'next entry. It includes the VMM’s work and the time during which the vCPU sleeps, but neither the ' +
	'world switch nor the accounting.';
const EXACT = 'Count and share are exact: they come from counters. ';
const EXACT_COSTS = 'If costs are instructions, mean and max are exact (with events on, to a few ' +
	'instructions per record), and p50 and p99 differ from the exact values by at most 1/64. ';

/** Give each row the field `share`: that of its part. */
function addShares(rows, parts) {
	shares(parts).forEach((share, i) => {
		rows[i].share = share;
	});
	return rows;
}

function exitCount(row) {
	return row.count === undefined ? row.seen : row.count;
}

/**
 * Rows that may be drawn over time: those of the exit table, and exits for which the events give
 * only the cause, because no event that tells the class was recorded. The table has the latter
 * in other rows, from the host's counters.
 */
function drawnRows(run) {
	return run.exits.concat(run.causes);
}

function exitBins(run, slot) {
	const total = new Float64Array(run.bins);
	for (const vcpu of run.vcpus)
		if (vcpu.bySlot && vcpu.bySlot[slot])
			expand(vcpu.bySlot[slot], run.bins).forEach((n, i) => {
				total[i] += n;
			});
	return total;
}

/** Rows of the table: one per cause, with the rows of all runs. */
function exitRows() {
	const rows = new Map();
	RUNS.forEach((run, i) => run.exits.forEach((row) => {
		if (!rows.has(row.title))
			rows.set(row.title, { title: row.title, runs: [], search: row.title + ' exit cause' });
		rows.get(row.title).runs[i] = row;
	}));
	return [...rows.values()];
}

function costColumns(i) {
	const run = RUNS[i];
	const of = (fn) => (row) => {
		const mine = row.runs[i];
		return mine && mine.count !== undefined && mine.count > mine.unpriced ? fn(mine) : null;
	};
	const column = (title, fn) => ({
		title: RUNS.length > 1 ? title + ' ' + LETTERS[i] : title,
		number: true,
		text: (row) => cost(run, of(fn)(row)),
		sort: (row) => of(fn)(row) || 0,
	});
	if (run.unit === 'none')
		return [];
	const columns = [column('mean', mean), column('p50', (row) => percentile(row, 50)),
		column('p99', (row) => percentile(row, 99)), column('max', (row) => row.max)];
	return RUNS.length > 1 ? [columns[0], columns[2]] : columns;
}

/** A column of value B/A. Changes of 5 % or more, and rows that only one run has, are marked. */
function ratio(title, value) {
	const [a, b] = [(row) => value(row, 0), (row) => value(row, 1)];
	const text = (row) => {
		if (a(row) && b(row))
			return (b(row) / a(row)).toFixed(2) + ' ×';
		return a(row) || b(row) ? 'only ' + LETTERS[a(row) ? 0 : 1] : '-';
	};
	return { title, number: true, text, sort: (row) => a(row) ? b(row) / a(row) : Infinity,
		changed: (row) => (a(row) || b(row)) && !(Math.abs(b(row) / a(row) - 1) < 0.05) };
}

function exitSection() {
	const rows = exitRows();
	const counts = (row, i) => row.runs[i] ? exitCount(row.runs[i]) : 0;
	const totals = RUNS.map((run, i) => sum(rows.map((row) => counts(row, i))));
	if (RUNS.length === 1)
		addShares(rows, rows.map((row) => counts(row, 0)));
	const columns = [{ title: 'cause', class: 'cause', text: (row) => row.title, sort: (row) => row.title,
		cell: (row) => [swatch('--cause-' + COLORS.get(row.title)), '\u00a0', row.title] }];
	RUNS.forEach((run, i) => {
		const letter = RUNS.length > 1 ? ' ' + LETTERS[i] : '';
		columns.push({ title: 'count' + letter, number: true, text: (row) => count(counts(row, i)),
			sort: (row) => counts(row, i) });
		if (RUNS.length === 1)
			columns.push({ title: 'share', number: true, sort: (row) => counts(row, i),
				text: (row) => row.share });
	});
	if (RUNS.length > 1)
		columns.push(ratio('count B/A', counts));
	RUNS.forEach((run, i) => columns.push(...costColumns(i)));
	if (RUNS.length > 1 && RUNS[0].unit === RUNS[1].unit && RUNS[0].unit === 'instructions')
		columns.push(ratio('mean B/A', (row, i) => row.runs[i] && row.runs[i].count ?
			mean(row.runs[i]) : 0));
	RUNS.forEach((run, i) => columns.push({
		title: 'over time' + (RUNS.length > 1 ? ' ' + LETTERS[i] : ''),
		cell: (row) => row.runs[i] ? sparkline(exitBins(run, row.runs[i].slot),
			row.title + ' over the run') : '-' }));
	const units = [...new Set(RUNS.map(unitName))].filter(Boolean).join(' and ');
	const missing = RUNS.flatMap((run) => run.exits.filter((row) => row.count !== undefined &&
		row.count !== row.seen).map((row) => row.title + ' ' + count(row.seen) + ' of ' +
		count(row.count)));
	const causes = RUNS.flatMap((run) => run.causes.map((row) => row.title + ' ' + count(row.seen)));
	const unpriced = sum(RUNS.flatMap((run) => run.exits.map((row) => row.unpriced || 0)));
	return section('exits', 'Exits', 'Exits by cause',
		h('p', {}, totals.map((n, i) => (RUNS.length > 1 ? LETTERS[i] + ': ' : '') + count(n) + ' exits')
			.join(', ') + (units ? '; costs in ' + units + ', from exit to next entry.' : '.')),
		rows.length ? table('Exits by cause' + (units ? '; costs in ' + units : '') +
			'; "over time": exits during the run; each row has its own scale, from zero',
		columns, rows, RUNS.length > 1 ? 'count A' : 'count') :
			h('p', {}, 'No exits: no guest ran, or none were recorded.'),
		RUNS.every((run) => run.accounted) ? h('p', { class: 'muted small' }, EXACT,
			units ? EXACT_COSTS + COVERED : null) : null,
		unpriced && units ? h('p', { class: 'muted small' }, 'Exits without a cost, because the vCPU ' +
			'changed harts or did not run again: ' + count(unpriced) + '.') : null,
		RUNS.map((run, i) => h('p', { class: 'muted small' }, 'Observation' +
			(RUNS.length > 1 ? ' of ' + LETTERS[i] : '') + ': ' + run.observation)),
		missing.length ? h('details', {}, h('summary', {}, 'Rows with other numbers of exits among ' +
			'the events than in the counters'), h('p', {}, missing.join('; ') + '.'), causes.length ? h('p', {},
			'For other exits the events give only the cause, because no event that tells the class ' +
			'(kvm_entry, kvm_userspace_exit) was recorded: ' + causes.join('; ') + '.') : null) : null);
}

/* ---- latency ---- */

/** Whether run i has exits with a cost in this row. */
function hasCost(row, i) {
	const mine = row.runs[i];
	return RUNS[i].unit !== 'none' && mine !== undefined && mine.count > mine.unpriced;
}

/** One row's panel: the runs listed in `which` (indices) in one drawing. */
function costPanel(row, which, range) {
	const text = which.filter((i) => hasCost(row, i)).map((i) => {
		const mine = row.runs[i];
		return (RUNS.length > 1 ? LETTERS[i] + ': ' : '') + count(mine.count) + ' exits, p50 ' +
			cost(RUNS[i], percentile(mine, 50)) + ', p99 ' + cost(RUNS[i], percentile(mine, 99)) +
			', max ' + cost(RUNS[i], mine.max);
	});
	const unit = unitName(RUNS[which[0]]);
	const lists = which.map((i) => hasCost(row, i) ? costs(RUNS[i], row.runs[i]) : []);
	return h('figure', { 'data-search': row.search },
		h('figcaption', {}, row.title, text.map((line) => h('div', { class: 'muted small' }, line))),
		histogram(lists, range, unit, costMarks(row, which, range), row.title + ', in ' + unit + '. ' +
			text.join('. ')));
}

/** Marks for p50 and p99, in the unit shown; none if the drawing has two runs. */
function costMarks(row, which, range) {
	if (which.length > 1)
		return [];
	const run = RUNS[which[0]];
	const scale = run.unit === 'time' ? 1e6 / run.hz : 1;
	const marks = [[50, 'p50'], [99, 'p99']]
		.map(([p, name]) => [percentile(row.runs[which[0]], p), name])
		.filter(([value]) => value !== null).map(([value, name]) => [value * scale, name]);
	const apart = (range[1] / range[0]) ** 0.12;
	return marks.length === 2 && marks[1][0] < marks[0][0] * apart ? [marks[0].slice(0, 1).concat(''),
		[marks[1][0], 'p50, p99']] : marks;
}

function costPanels(rows, which) {
	const shown = rows.filter((row) => which.some((i) => hasCost(row, i)));
	if (!shown.length)
		return h('p', {}, 'No exit in this trace has a cost.');
	const range = logRange(shown.flatMap((row) => which.filter((i) => hasCost(row, i))
		.map((i) => costs(RUNS[i], row.runs[i]))));
	return h('div', { class: 'panels' }, shown.map((row) => costPanel(row, which, range)));
}

function histogramSection() {
	const rows = exitRows().sort((a, b) => exitTotal(b) - exitTotal(a));
	const same = RUNS.every((run) => run.unit === RUNS[0].unit);
	return section('latency', 'Cost', 'Cost of exits',
		h('p', {}, 'Number of exits by cost, from exit to next entry. The cost axis is logarithmic ' +
			'and the same in all panels; the axis of exits starts at zero and differs between panels.' +
			(RUNS.length > 1 && same ? ' Filled: run A; line: run B.' : '') +
			(same ? '' : ' The runs have different units, so each has its own panels.')),
		same ? costPanels(rows, RUNS.map((_, i) => i)) :
			RUNS.map((_, i) => [h('h3', {}, runName(i)), costPanels(rows, [i])]));
}

function exitTotal(row) {
	return sum(row.runs.filter(Boolean).map(exitCount));
}

/* ---- timeline ---- */

function timelineSection() {
	const body = RUNS.map((run, i) => {
		if (!run.vcpus.some((vcpu) => vcpu.time))
			return h('p', {}, runName(i) + ': no event belongs to a vCPU.');
		const colors = new Map(drawnRows(run).map((row) => [row.slot, COLORS.get(row.title)]));
		const timeline = new Timeline(run, runName(i), colors);
		TIMELINES.push(timeline);
		const left = run.vcpus.filter((vcpu) => !vcpu.time).length;
		return h('div', {}, RUNS.length > 1 ? h('h3', {}, runName(i)) : null, timeline.element,
			left ? h('p', { class: 'muted small' }, left + ' vCPUs with fewer exits are not drawn.') : null,
			run.otherVcpuEvents ? h('p', { class: 'muted small' }, count(run.otherVcpuEvents) +
				' events of vCPUs beyond the first ' + count(run.vcpus.length) + ' are not drawn.') : null);
	});
	const causes = [...COLORS.keys()].filter((title) => COLORS.get(title) < NR_CAUSE_COLORS)
		.map((title) => ['--cause-' + COLORS.get(title), title]);
	if (COLORS.size > causes.length)
		causes.push(['--cause-' + NR_CAUSE_COLORS, 'other causes']);
	return section('timeline', 'Timeline', 'Timeline of each vCPU',
		h('p', {}, 'Top: share of time in each state (blank: unknown); a vCPU that waits for a hart counts ' +
			'as blocked. ' +
			'Bottom: exits per second, by cause. All vCPUs of a run have the same scale. The run is shown as ' +
			'it was observed: “guest” includes the world switch and the accounting for exits, and the ' +
			'other states include the recording of events.'),
		legend(STATES.filter((name) => name !== 'unknown').map((name, i) => ['--state-' + i, name]),
			'states'),
		legend(causes, 'causes'),
		h('p', { class: 'muted small screen-only', id: 'timeline-help' },
			'Drag sideways to zoom, double-click to show all. Keys, once the timeline has the focus: arrows move ' +
			'the cursor, + and − zoom, Page Up and Page Down scroll, Home and End go to the ends, 0 shows ' +
			'all, n and p go to the next and previous exit that matches the search.'),
		body);
}

/* How costs from events differ from those of the exit table, if they do. */
function differing(run) {
	return run.differ ? [h('p', { class: 'muted small' }, 'Costs are ' + run.differ)] : [];
}

/* ---- slowest exits ---- */

function linesTable(run, window) {
	const names = new Map(run.events.map((event) => [event.nr, event.name]));
	const text = (name, fn) => ({ title: name, text: fn, class: 'mono' });
	const rows = window.lines.map((line) => ({ line }));
	return table(window.title + ': ' + (window.of > rows.length ? 'the first ' + rows.length + ' of ' +
		window.of + ' events' : rows.length + ' events'),
	[text('seconds', ({ line }) => seconds(run, line[0]).toFixed(7)),
		text('since exit, µs', ({ line }) => ((line[0] - window.from) * 1e6 / run.hz).toFixed(1)),
		text('hart', ({ line }) => String(line[1])),
		text('VM.vCPU', ({ line }) => line[2] < 0 ? '-' : line[2] + '.' + line[3]),
		text('event', ({ line }) => names.get(line[4])),
		{ title: 'fields', text: ({ line }) => line[5], class: 'mono wrap' }], rows);
}

function lastEvents(run, i) {
	const lines = run.last.lines;
	return h('details', {}, h('summary', {}, 'The last ' + lines.length + ' events' +
		(RUNS.length > 1 ? ' of ' + LETTERS[i] : '')), linesTable(run, Object.assign({}, run.last,
		{ title: 'The end of the run', from: lines.length ? lines[0][0] : 0, of: lines.length })));
}

function slowestSection() {
	return section('slowest', 'Slowest exits', 'Slowest exits',
		h('p', {}, 'The most expensive exits of each cause, with their events. A wfi includes the wait.'),
		eachRun((run, i) => {
			const last = lastEvents(run, i);
			if (!run.slowest.length)
				return h('div', {}, h('p', {}, run.unit === 'none' ? 'The exits of this run have no costs.' :
					'No complete exit among the events.'), last);
			const detail = h('div', { role: 'status' });
			const unit = run.unit === 'instructions' ? 'instructions' : 'µs';
			const rows = run.slowest.map((window) => ({ window, search: window.title + ' ' +
				window.lines.map((line) => line[5]).join(' ') }));
			const as_cost = (value) => run.unit === 'instructions' ? count(value) :
				(value * 1e6 / run.hz).toLocaleString('en-US', { maximumFractionDigits: 1,
					minimumFractionDigits: 1 });
			return h('div', {}, table('The slowest exits of each cause; cost in ' + unit, [
				{ title: 'cause', class: 'cause', text: (row) => row.window.title,
					sort: (row) => row.window.title },
				{ title: 'vCPU', text: (row) => row.window.vm + '.' + row.window.vcpu,
					sort: (row) => row.window.vm * 65536 + row.window.vcpu },
				{ title: 'time, s', number: true, text: (row) => seconds(run, row.window.from).toFixed(6),
					sort: (row) => row.window.from },
				{ title: 'cost, ' + unit, number: true, text: (row) => as_cost(row.window.cost),
					sort: (row) => row.window.cost },
				{ title: 'details', class: 'screen-only', cell: (row) => h('button', { type: 'button', onclick: () => {
					detail.replaceChildren(linesTable(run, row.window));
					const timeline = TIMELINES.find((t) => t.run === run);
					if (timeline)
						timeline.showTime(row.window.from, row.window.to);
				} }, 'show events') }], rows, 'cost, ' + unit), ...differing(run), detail, last);
		}));
}

/* ---- devices ---- */

function registerName(row) {
	return row.device + ' ' + row.register;
}

function mmioSection() {
	return section('mmio', 'Devices', 'Accesses to devices and registers', eachRun((run) => {
		if (!run.mmio.length)
			return h('p', {}, 'No device accesses among the events (kvm_mmio).');
		const regs = run.mmio.map((reg) => Object.assign({ bins_all: expand(reg.bins, 96),
			total: reg.reads + reg.writes,
			search: registerName(reg) + ' ' + reg.gpa + ' mmio' }, reg));
		const most = Math.max(...regs.map((reg) => Math.max(...reg.bins_all)));
		const devices = [...new Set(regs.map((reg) => reg.device))];
		const total = (device) => sum(regs.filter((reg) => reg.device === device)
			.map((reg) => reg.total));
		const number = (title, fn) => ({ title, number: true, text: (row) => count(fn(row)), sort: fn });
		return h('div', {}, table('Devices', [
			{ title: 'device', text: (row) => row.device, sort: (row) => row.device },
			number('registers', (row) => row.registers), number('accesses', (row) => row.total),
			{ title: 'share', number: true, text: (row) => row.share }],
		addShares(devices.map((device) => ({ device, total: total(device), search: device,
			registers: regs.filter((reg) => reg.device === device).length })), devices.map(total)),
		'accesses'),
		heatLegend(most),
		table('Registers; "over time": a cell is 1/96 of the run', [
			{ title: 'register', text: registerName, sort: registerName },
			...RUNS.length > 1 ? [] : [{ title: 'address', text: (row) => row.gpa, class: 'mono' }],
			number('reads', (row) => row.reads), number('writes', (row) => row.writes),
			number('total', (row) => row.total),
			{ title: 'over time', cell: (row) => strip(row.bins_all, most, registerName(row) +
				' over the run') }], regs, 'total'),
		run.otherAccesses ? h('p', { class: 'muted small' }, count(run.otherAccesses) +
			' accesses to other registers are not shown.') : null);
	}));
}

/* ---- interrupts ---- */

/* ORDER: enum html_irq_work (html.h) */
const IRQ_WORK = ['the host interrupts the vCPU to deliver', 'claim', 'completion', 'MSI of a vCPU',
	'another register of the controller'];

/** The value of the toggle in the trace's metadata, or '' if there is none. */
function toggleOf(run, name) {
	const [, toggles] = run.meta.find(([key]) => key === 'toggles') || ['', ''];
	return (toggles.split(' ').find((word) => word.startsWith(name + '=')) || '').slice(name.length + 1);
}

function irqchipSection() {
	return section('interrupts', 'Interrupts', 'Exits per interrupt', eachRun((run) => {
		const chip = run.irqchip;
		const irqs = chip.plic + sum(chip.msis);
		const rows = chip.work.map((work, i) => Object.assign({ title: IRQ_WORK[i], last: i === IRQ_WORK.length - 1,
			search: IRQ_WORK[i] + ' interrupt' }, work));
		if (!irqs && !sum(rows.map((row) => row.exits)))
			return h('p', {}, 'No interrupts of a controller among the events (kvm_mmio, kvm_msi).');
		const per = (value) => irqs ? (value / irqs).toFixed(2) : '-';
		const number = (title, text) => ({ title, number: true, text });
		const paid = rows.filter((row) => !row.last);
		const total = { exits: sum(paid.map((row) => row.exits)), cost: sum(paid.map((row) => row.sum)) };
		const costs = run.unit === 'none' ? [] : [
			number('mean', (row) => row.priced ? cost(run, Math.round(row.sum / row.priced)) : '-'),
			number('max', (row) => row.priced ? cost(run, row.max) : '-'),
			number('cost per interrupt', (row) => irqs ? cost(run, Math.round(row.sum / irqs)) : '-')];
		const chosen = toggleOf(run, 'irqchip');
		return h('div', {}, h('p', {}, (chosen ? 'irqchip=' + chosen + ': ' : '') + count(irqs) + ' interrupts (' +
			count(chip.plic) + ' claims of a PLIC, ' + count(chip.msis[0]) + ' MSIs to memory, ' +
			count(chip.msis[1]) + ' MSIs to a guest file); ' + per(total.exits) + ' exits ' +
			(run.unit === 'none' ? '' : 'and ' + (irqs ? cost(run, Math.round(total.cost / irqs)) : '-') + ' ' +
			unitName(run) + ' ') + 'per interrupt, without the last row.'),
		table('Exits for interrupts' + (costs.length ? '; costs in ' + unitName(run) : ''), [
			{ title: 'exit', text: (row) => row.title },
			number('exits', (row) => count(row.exits)),
			number('exits per interrupt', (row) => per(row.exits)), ...costs], rows), ...differing(run),
		h('p', { class: 'muted small' }, 'Counted from events. An MSI that the guest stores to a guest file, and a ' +
			'claim of this file, are no exits, and are not counted. The threads that raise interrupts are not ' +
			'included.'));
	}));
}

/* ---- SBI ---- */

function callName(call) {
	return (call.ext + ' ' + call.name).trim();
}

function sbiSection() {
	return section('sbi', 'SBI', 'SBI calls', eachRun((run) => {
		if (!run.calls.length)
			return h('p', {}, 'No SBI calls among the events (kvm_sbi_call).');
		const in_unit = (value) => run.unit === 'instructions' ? count(Math.round(value)) :
			(value * 1e6 / run.hz).toLocaleString('en-US', { maximumFractionDigits: 1,
				minimumFractionDigits: 1 });
		const unit = run.unit === 'instructions' ? 'instructions' : 'µs';
		const average = (row) => row.priced ? row.sum / row.priced : 0;
		const costs = run.unit === 'none' ? [] : [
			{ title: 'mean', number: true, sort: average,
				text: (row) => row.priced ? in_unit(average(row)) : '-' },
			{ title: 'max', number: true, sort: (row) => row.max,
				text: (row) => row.priced ? in_unit(row.max) : '-' }];
		return h('div', {}, table('SBI calls' + (costs.length ? '; cost of their exits, in ' + unit : ''), [
			{ title: 'call', text: callName, sort: callName },
			{ title: 'calls', number: true, text: (row) => count(row.calls), sort: (row) => row.calls },
			...RUNS.length > 1 ? [] : [{ title: 'share', number: true,
				text: (row) => row.share }],
			...costs,
			{ title: 'results', class: 'answers', text: (row) => [...row.errors.map(([name, n]) => name + ' ' + count(n)),
				...row.otherErrors ? ['other ' + count(row.otherErrors)] : []].join(', ') || 'none' }],
		addShares(run.calls.map((call) => Object.assign({ search: callName(call) + ' sbi' }, call)),
			run.calls.map((call) => call.calls)), 'calls'), ...differing(run),
		run.otherCalls ? h('p', { class: 'muted small' }, count(run.otherCalls) +
			' calls to other functions are not shown.') : null);
	}));
}

/* ---- memory ---- */

const SIZES = ['4 KiB', '2 MiB', '1 GiB', '512 GiB'];

/** A memory slot as a grid of cells. */
function memoryMap(memory, faults, levels) {
	const columns = RUNS.length > 1 || window.innerWidth < 700 ? 32 : 64;
	const [cell, left, top] = [11, 106, 6];
	const rows = Math.ceil(faults.length / columns);
	const height = top + rows * cell + 4;
	const most = Math.max(...faults, 1);
	const base = BigInt(memory.gpa);
	const fill = ['', '', '', ''];
	const dots = [];
	let empty = '';
	faults.forEach((n, i) => {
		const x = left + i % columns * cell;
		const y = top + Math.floor(i / columns) * cell;
		const d = `M${x} ${y}h${cell - 1}v${cell - 1}h-${cell - 1}z`;
		const level = levels[i] ? Math.floor(Math.log2(levels[i])) : -1;
		if (level < 0)
			empty += d;
		else
			fill[level] += d;
		if (n)
			dots.push(s('circle', { cx: x + (cell - 1) / 2, cy: y + (cell - 1) / 2,
				r: 1.2 + 2 * heat(n, most) / HEAT, style: 'fill: var(--fg)' }));
	});
	const labels = [];
	const every = Math.max(Math.ceil(14 / cell), 1);
	for (let row = 0; row < rows; row += every)
		labels.push(s('text', { x: left - 6, y: top + row * cell + 9, 'text-anchor': 'end' },
			address(base + BigInt(row * columns) * BigInt(memory.cell))));
	return s('svg', { viewBox: `0 0 ${left + columns * cell} ${height}`,
		style: `width: 100%; max-width: ${left + columns * cell}px`, role: 'img',
		'aria-label': 'Map of slot ' + memory.slot },
	s('path', { d: empty, style: 'fill: none; stroke: var(--line); stroke-width: 0.6' }),
	fill.map((d, level) => d ? s('path', { d, style: `fill: var(--size-${level})` }) : null),
	dots, labels);
}

/** The map as a table: adjacent cells with leaves of the same sizes share a row. */
function memoryRows(memory, faults, levels) {
	const rows = [];
	const base = BigInt(memory.gpa);
	for (let i = 0; i < faults.length; i++) {
		const last = rows[rows.length - 1];
		if (!levels[i] && !faults[i])
			continue;
		if (last && last.levels === levels[i] && last.end === i) {
			last.end = i + 1;
			last.faults += faults[i];
		} else {
			rows.push({ start: i, end: i + 1, levels: levels[i], faults: faults[i] });
		}
	}
	const at = (i) => address(base + BigInt(i) * BigInt(memory.cell));
	return table('Guest physical memory that was mapped or had page faults', [
		{ title: 'from', text: (row) => at(row.start), class: 'mono' },
		{ title: 'to', text: (row) => at(row.end), class: 'mono' },
		{ title: 'leaves', text: (row) => SIZES.filter((_, level) => row.levels >> level & 1)
			.join(', ') || 'none' },
		{ title: 'faults', number: true, text: (row) => count(row.faults) }], rows);
}

function memorySection() {
	return section('memory', 'Memory', 'Page faults and page sizes in guest memory',
		eachRun((run) => {
			const slots = run.memory.filter((slot) => sum(slot.faults) + sum(slot.leaves));
			if (!slots.length)
				return h('p', {}, 'No page faults on memory among the events (kvm_page_fault, gstage_map).');
			return h('div', {}, legend([...SIZES.map((name, i) => ['--size-' + i, name + ' leaves'])
				.filter((_, i) => slots.some((slot) => slot.leaves[i])), ['--fg', 'dot: faults; larger: more']],
			'page sizes'),
			slots.map((slot) => {
				const cells = Number((BigInt(slot.size) - 1n) / BigInt(slot.cell)) + 1;
				const faults = expand(slot.cells, cells);
				const levels = expand(slot.levels, cells);
				const end = BigInt(slot.gpa) + BigInt(slot.size) - 1n;
				return h('div', {}, h('h3', {}, 'VM ' + slot.vm + (slot.slot < 0 ? '' : ', slot ' +
					slot.slot) + ': ' + slot.gpa + ' to ' + address(end) + ', ' + bytes(slot.size)),
				h('p', {}, 'Faults: fetch ' + count(slot.faults[0]) + ', load ' + count(slot.faults[1]) +
					', store ' + count(slot.faults[2]) + '. Leaves written: ' +
					(slot.leaves.map((n, i) => n ? count(n) + ' of ' + SIZES[i] : null).filter(Boolean)
						.join(', ') || 'none') + '. A cell is ' + bytes(slot.cell) + '.'),
				memoryMap(slot, faults, levels),
				h('details', {}, h('summary', {}, 'The map as a table'), memoryRows(slot, faults, levels)));
			}));
		}));
}

/* ---- functions of the guest ---- */

/** One row per function, with its exits by cause, most first. */
function functionRows(run) {
	const rows = new Map();
	for (const part of run.functions) {
		if (!rows.has(part.id))
			rows.set(part.id, { name: part.function, count: 0, priced: 0, sum: 0, max: 0, parts: [] });
		const row = rows.get(part.id);
		row.count += part.count;
		row.priced += part.priced;
		row.sum += part.sum;
		row.max = Math.max(row.max, part.max);
		row.parts.push(part);
	}
	return [...rows.values()].map((row) => {
		row.parts.sort((a, b) => b.count - a.count);
		row.causes = row.parts.map((part) => part.cause + ' ' + count(part.count)).join(', ');
		return Object.assign({ search: row.name + ' ' + row.causes + ' function' }, row);
	});
}

function functionsSection() {
	return section('functions', 'Functions', 'Exits by guest function', eachRun((run) => {
		const rows = functionRows(run);
		if (!rows.length)
			return h('p', {}, 'No exits among the events (kvm_exit).');
		addShares(rows, rows.map((row) => run.unit === 'none' ? row.count : row.sum));
		const priced = (title, fn) => ({ title, number: true, sort: fn,
			text: (row) => row.priced ? cost(run, fn(row)) : '-' });
		const costs = run.unit === 'none' ? [] : [priced('cost', (row) => row.sum),
			{ title: 'share of cost', number: true, text: (row) => row.share },
			...RUNS.length > 1 ? [] : [priced('mean', (row) => Math.round(row.sum / row.priced) || 0),
				priced('max', (row) => row.max)]];
		return h('div', {}, table('Exits by the function of the guest in which they happened' +
			(run.unit === 'none' ? '' : '; costs in ' + unitName(run)), [
			{ title: 'function', text: (row) => row.name, sort: (row) => row.name, class: 'cause mono' },
			{ title: 'exits', number: true, text: (row) => count(row.count), sort: (row) => row.count },
			...run.unit === 'none' ? [{ title: 'share', number: true, text: (row) => row.share }] : [],
			...costs, { title: 'exits by cause', class: 'answers', text: (row) => row.causes }],
		rows, run.unit === 'none' ? 'exits' : 'cost'), ...differing(run),
		h('p', { class: 'muted small' }, run.symbols));
	}));
}

/* ---- all events ---- */

function eventsSection() {
	return section('events', 'Events', 'Events in the trace', eachRun((run) => run.events.length ?
		table('Events; "over time": each row has its own scale, from zero', [
			{ title: 'event', text: (row) => row.name, sort: (row) => row.name, class: 'mono' },
			{ title: 'count', number: true, text: (row) => count(row.count), sort: (row) => row.count },
			{ title: 'over time', cell: (row) => sparkline(expand(row.bins, 256), row.name + ' over the run') },
			{ title: 'meaning', class: 'meaning', text: (row) => row.meaning }],
		run.events.map((event) => Object.assign({ search: event.name + ' ' + event.meaning }, event)), 'count') :
		h('p', {}, 'No events.')));
}

/* ---- anatomy ---- */

function anatomySection() {
	if (!DATA.anatomy.length)
		return null;
	return section('anatomy', 'Anatomy', 'Anatomy: instructions by stage of an exit', DATA.anatomy.map((found) => {
		const stages = found.stages.filter((stage) => stage[0] !== 'sum');
		const sums = found.systems.map((_, i) => sum(stages.map((stage) => stage[i + 1])));
		const parts = sums.map((_, i) => shares(stages.map((stage) => stage[i + 1])));
		const most = Math.max(...sums, 1);
		const color = (i) => i % 2 ? '--heat-' + (2 + i % 3) : '--cause-' + i % NR_CAUSE_COLORS;
		return h('div', {}, h('h3', {}, found.name),
			found.systems.map((system, i) => h('div', {}, h('div', { class: 'small' }, system + ': ' +
				count(sums[i]) + ' instructions'), stackedBar(stages.map((stage, n) => [stage[0], stage[i + 1],
				color(n)]), most, system + ', by stage; from 0 to ' + count(most) + ' instructions'))),
			h('p', { class: 'muted small' }, 'Bars start at 0; the longest is ' + count(most) +
				' instructions. The table lists the stages in order.'),
			table('Instructions by stage', [
				{ title: 'stage', cell: (row) => [swatch(color(row.n)), '\u00a0', row.stage[0]] },
				...found.systems.flatMap((system, i) => [
					{ title: system, number: true, text: (row) => count(row.stage[i + 1]) },
					{ title: 'share', number: true, text: (row) => parts[i][row.n] }])],
			stages.map((stage, n) => ({ stage, n }))));
	}));
}

/* ---- origin ---- */

function provenanceSection() {
	const names = [...new Set(RUNS.flatMap((run) => run.meta.map(([name]) => name)))];
	const value = (i, name) => {
		const found = RUNS[i].meta.filter(([key]) => key === name).map(([, text]) => text);
		return found.length ? found.join('; ') : '-';
	};
	const rows = [{ name: 'trace', values: RUNS.map((run) => run.path) },
		...names.map((name) => ({ name, values: RUNS.map((_, i) => value(i, name)) })),
		{ name: 'events written and lost, by hart', values: RUNS.map((run) => run.rings.map(
			(ring) => count(ring[0]) + ', ' + count(ring[1])).join('; ')) },
		{ name: 'clock', values: RUNS.map((run) => count(run.hz) + ' Hz') }];
	return section('provenance', 'Origin', 'Origin of the trace',
		table('Metadata that the launcher stored in the trace' + (RUNS.length > 1 ?
			'; differences are marked' : ''),
			[{ title: 'property', text: (row) => row.name },
				...RUNS.map((_, i) => ({ title: RUNS.length > 1 ? 'run ' + LETTERS[i] : 'value',
					text: (row) => row.values[i], class: 'wrap mono',
					changed: (row) => row.values[0] !== row.values[RUNS.length - 1] }))], rows));
}

/* ---- search ---- */

/** Search: hide table rows without the text, and show matching causes and events in timelines. */
function search(text) {
	const word = text.trim().toLowerCase();
	let rows = 0;
	for (const element of document.querySelectorAll('[data-search]')) {
		const hit = !word || element.dataset.search.toLowerCase().includes(word);
		element.classList.toggle('hidden', !hit);
		rows += hit && word ? 1 : 0;
	}
	const causes = new Set();
	for (const timeline of TIMELINES) {
		const run = timeline.run;
		const slots = drawnRows(run).filter((row) => row.title.toLowerCase().includes(word));
		const events = run.events.filter((event) => event.name.toLowerCase().includes(word));
		slots.forEach((row) => causes.add(row.title));
		timeline.found = word && slots.length ? new Set(slots.map((row) => row.slot)) : null;
		timeline.foundEvents = null;
		if (word && events.length) {
			timeline.foundEvents = new Float64Array(256);
			for (const event of events)
				expand(event.bins, 256).forEach((n, i) => {
					timeline.foundEvents[i] += n;
				});
		}
		timeline.draw();
	}
	const some = (n, what) => n + ' ' + what + (n === 1 ? '' : 's');
	document.getElementById('found').textContent = word ? 'found: ' + some(rows, 'row') + ', ' +
		some(causes.size, 'cause') : '';
}

const prefersDark = window.matchMedia('(prefers-color-scheme: dark)');
let chosenTheme = 'auto';

function setTheme(name) {
	chosenTheme = name;
	if (name === 'auto')
		name = prefersDark.matches ? 'dark' : 'light';
	document.documentElement.dataset.theme = name;
}

prefersDark.addEventListener('change', () => setTheme(chosenTheme));

function toolbar() {
	const input = h('input', { type: 'search', id: 'search', autocomplete: 'off',
		placeholder: 'cause, event, register, call, value', oninput: () => search(input.value) });
	const theme = h('select', { id: 'theme', onchange: () => setTheme(theme.value) },
		['auto', 'light', 'dark'].map((name) => h('option', { value: name }, name)));
	return h('div', { class: 'bar', role: 'search' }, h('div', {},
		h('label', { for: 'search' }, 'Search'), input,
		h('span', { id: 'found', role: 'status', class: 'muted small' }),
		h('label', {}, 'Theme ', theme)));
}

/* ---- the page ---- */

function build() {
	const sections = [exitSection(), histogramSection(), timelineSection(), levelsSection(), slowestSection(),
		functionsSection(), mmioSection(), irqchipSection(), sbiSection(), memorySection(), eventsSection(), anatomySection(),
		provenanceSection()].filter(Boolean);
	const guest = (run) => (run.meta.find(([name]) => name === 'guest') || ['', ''])[1];
	document.title = 'hyperscope report: ' + RUNS.map((run) => guest(run) || run.path).join(' and ');
	document.body.append(
		h('header', {}, h('h1', {}, 'hyperscope report'),
			RUNS.map((run, i) => h('div', {}, h('strong', {}, runName(i)), guest(run) ? ', guest ' +
				guest(run) : '', notes(run))),
			h('nav', { 'aria-label': 'Sections' }, h('ul', {}, sections.map((element) => h('li', {},
				h('a', { href: '#' + element.id }, element.dataset.name)))))),
		toolbar(), h('main', {}, sections));
	TIMELINES.forEach((timeline) => timeline.draw());
}

setTheme('auto');
build();

let width = window.innerWidth;
window.addEventListener('resize', () => {
	if (window.innerWidth === width)
		return;
	width = window.innerWidth;
	TIMELINES.forEach((timeline) => timeline.draw());
});
/* Before printing, open everything. */
window.addEventListener('beforeprint', () => document.querySelectorAll('details')
	.forEach((element) => element.setAttribute('open', '')));
