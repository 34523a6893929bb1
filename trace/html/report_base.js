// SPDX-License-Identifier: MIT
/*
 * report_base.js - the report's data, formatting of numbers, elements, tables.
 *
 * The page's scripts run in this order and share their top-level declarations: report_base.js,
 * report_chart.js, report_timeline.js, report_levels.js, report.js. Text from a trace becomes only text nodes and
 * attribute values, never HTML.
 */
'use strict';

const DATA = JSON.parse(document.getElementById('data').textContent);
const RUNS = DATA.runs;
const LETTERS = ['A', 'B'];
const HAS_L2 = RUNS.some((run) => run.levels);
/* ORDER: enum html_state (html.h). Runs without L2 show no state for it. */
const STATES = HAS_L2 ? ['L1 guest', 'core', 'VMM', 'blocked', 'L2 guest', 'unknown'] :
	['guest', 'core', 'VMM', 'blocked', 'unknown'];
const NR_CAUSE_COLORS = 7; // further causes share one more color
const LONG_TABLE = 24; // a table with more rows than this has a scroll bar of its own

/* ---- data ---- */

/** Expand counts that hstrace compressed: -n repeats the previous value n times. */
function expand(runs, length) {
	const values = new Float64Array(length);
	let at = 0;
	for (const value of runs) {
		if (value < 0) {
			values.fill(values[at - 1], at, at - value);
			at -= value;
		} else {
			values[at++] = value;
		}
	}
	return values;
}

function sum(values) {
	let total = 0;
	for (const value of values)
		total += value;
	return total;
}

/** Sum up `values` into n parts of equal width. */
function rebin(values, n) {
	const bins = new Float64Array(n);
	for (let i = 0; i < values.length; i++)
		bins[Math.floor(i * n / values.length)] += values[i];
	return bins;
}

/** The middle of a histogram's bucket (src/include/hv/trace_mem.h), computed as in hstrace stat. */
function bucketValue(bucket) {
	if (bucket < 64)
		return bucket;
	const shift = Math.floor(bucket / 32) - 1;
	return (bucket - shift * 32) * 2 ** shift + Math.floor(2 ** shift / 2);
}

/** A percentile of a row's costs; null if there are none or the row's histogram is incomplete. */
function percentile(row, percent) {
	const priced = row.count - row.unpriced;
	let total = 0;
	let seen = 0;
	for (let i = 1; i < row.hist.length; i += 2)
		total += row.hist[i];
	if (!priced || total !== priced)
		return null;
	const rank = Math.floor((total * percent + 99) / 100);
	for (let i = 0; i < row.hist.length; i += 2) {
		seen += row.hist[i + 1];
		if (seen >= rank)
			return row.hist[i] === 1015 ? row.max : Math.min(bucketValue(row.hist[i]), row.max);
	}
	return row.max;
}

function mean(row) {
	const priced = row.count - row.unpriced;
	return priced ? Math.floor((row.sum + Math.floor(priced / 2)) / priced) : null;
}

/* ---- numbers as text ---- */

function count(n) {
	return n.toLocaleString('en-US');
}

/** The share of each part, as text. As in hstrace stat, the shares shown add up to 100 %. */
function shares(parts, digits = 2) {
	const whole = sum(parts);
	const units = 100 * 10 ** digits;
	const rest = parts.map((part) => part * units % whole);
	const shown = parts.map((part, i) => (part * units - rest[i]) / whole);
	const missing = units - sum(shown);
	[...parts.keys()].sort((a, b) => rest[b] - rest[a] || parts[b] - parts[a]).slice(0, missing)
		.forEach((i) => {
			shown[i]++;
		});
	return shown.map((n) => whole ? (n / 10 ** digits).toFixed(digits) + ' %' : '-');
}

/** A cost, in instructions or microseconds. */
function cost(run, value) {
	if (value === null || value === undefined || run.unit === 'none')
		return '-';
	if (run.unit === 'instructions')
		return count(value);
	return (value * 1e6 / run.hz).toLocaleString('en-US',
		{ minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

function unitName(run) {
	return { instructions: 'instructions', time: 'µs', none: '' }[run.unit];
}

/** Ticks since the run's first event as seconds since tracing was set up. */
function seconds(run, ticks) {
	return (run.first + ticks) / run.hz;
}

/** A duration in seconds, with a suitable unit. */
function duration(s) {
	const units = [[1, 's'], [1e-3, 'ms'], [1e-6, 'µs'], [1e-9, 'ns']];
	const [size, name] = units.find(([u]) => s >= u) || units[2];
	return Number((s / size).toPrecision(4)) + ' ' + name;
}

/** Bytes with a binary unit. */
function bytes(n) {
	const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
	let i = 0;
	while (n >= 1024 && i < names.length - 1) {
		n /= 1024;
		i++;
	}
	return Number(n.toPrecision(4)) + ' ' + names[i];
}

function address(n) {
	return '0x' + n.toString(16);
}

function vcpuName(vcpu) {
	return 'VM ' + vcpu.vm + ' vCPU ' + vcpu.vcpu;
}

/* ---- elements ---- */

function make(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value);
		else if (value !== null && value !== false)
			element.setAttribute(name, value === true ? '' : value);
	}
	for (const child of children.flat(2))
		if (child !== null && child !== undefined)
			element.append(child);
	return element;
}

/** An HTML element. Strings among the children become text nodes. */
function h(tag, attributes, ...children) {
	return make(document.createElement(tag), attributes, children);
}

/** An SVG element. */
function s(tag, attributes, ...children) {
	return make(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function section(id, name, title, ...children) {
	return h('section', { id, 'data-name': name, 'aria-labelledby': id + '-title' },
		h('h2', { id: id + '-title' }, title), ...children);
}

/** One block per run, side by side if there are two. */
function eachRun(make_block) {
	return h('div', { class: RUNS.length > 1 ? 'pair' : 'single' }, RUNS.map((run, i) =>
		h('div', {}, RUNS.length > 1 ? h('h3', {}, runName(i)) : null, make_block(run, i))));
}

function runName(i) {
	return RUNS.length > 1 ? 'Run ' + LETTERS[i] + ': ' + RUNS[i].path : RUNS[i].path;
}

/* ---- tables ---- */

/**
 * A table whose rows can be searched and sorted.
 *
 * columns: { title, number, text(row), sort(row), cell(row) }. A cell shows the element cell(row)
 * if given, else text(row). With sort, the heading is a button. Rows are sorted by the column with
 * the title `by`, in descending order. row.search is the text that the search looks at.
 */
function table(caption, columns, rows, by) {
	const body = h('tbody');
	const heads = columns.map((column, i) => {
		const attributes = { scope: 'col', class: column.number ? 'number' :
			(column.class || '').replace('mono', '').trim() || null };
		if (!column.sort)
			return h('th', attributes, column.title);
		attributes['aria-sort'] = column.title === by ? 'descending' : 'none';
		return h('th', attributes, h('button', { type: 'button', onclick: () => sortBy(i) },
			column.title));
	});

	function row_of(row) {
		const cells = columns.map((column, i) => h(i ? 'td' : 'th',
			{ class: [column.number ? 'number' : '', column.class || '',
				column.changed && column.changed(row) ? 'changed' : ''].join(' ').trim() || null,
			scope: i ? null : 'row' },
			column.cell ? column.cell(row) : column.text(row)));
		const element = h('tr', { 'data-search': row.search || null }, cells);
		row.element = element;
		return element;
	}

	function sortBy(i) {
		const down = heads[i].getAttribute('aria-sort') !== 'descending';
		heads.forEach((head, n) => {
			if (columns[n].sort)
				head.setAttribute('aria-sort', n !== i ? 'none' : down ? 'descending' : 'ascending');
		});
		order(i, down);
	}

	function order(i, down) {
		const key = columns[i].sort;
		rows.sort((a, b) => {
			const x = key(a);
			const y = key(b);
			const less = typeof x === 'string' ? x.localeCompare(y) : x - y;
			return down ? -less : less;
		});
		body.append(...rows.map((row) => row.element));
	}

	rows.forEach(row_of);
	if (by !== undefined)
		order(columns.findIndex((column) => column.title === by), true);
	else
		body.append(...rows.map((row) => row.element));
	return h('div', {}, h('p', { class: 'caption' }, caption),
		h('div', { class: rows.length > LONG_TABLE ? 'scroll tall' : 'scroll', tabindex: '0',
			role: 'region', 'aria-label': caption },
		h('table', { 'aria-label': caption }, h('thead', {}, h('tr', {}, heads)), body)));
}
