// SPDX-License-Identifier: MIT
/*
 * report_chart.js - small charts: scales and ticks, sparklines, histograms, strips, bars.
 *
 * All are SVG that uses the page's colors, so they need no redrawing for another theme or print.
 */
'use strict';

/** Round numbers that divide [from, to] into about n parts. */
function ticks(from, to, n) {
	const raw = (to - from) / n;
	if (!(raw > 0))
		return [from];
	const power = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 5, 10].map((m) => m * power).find((candidate) => candidate >= raw);
	const list = [];
	for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++)
		list.push(Number((i * step).toPrecision(12)));
	return list;
}

/** 1500000 as "1.5M". */
function brief(n) {
	const units = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
	for (const [size, name] of units)
		if (n >= size)
			return Number((n / size).toPrecision(3)) + name;
	return String(Number(n.toPrecision(3)));
}

/** The outline of bars with base y0. Bar i extends from x(i) to x(i + 1). */
function steps(values, x, y, y0) {
	let d = '';
	let open = false;
	for (let i = 0; i < values.length; i++) {
		if (!(values[i] > 0)) {
			if (open)
				d += 'V' + y0;
			open = false;
			continue;
		}
		const x0 = x(i).toFixed(2);
		d += (open ? '' : 'M' + x0 + ' ' + y0) + 'V' + y(values[i], i).toFixed(2) + 'H' +
			x(i + 1).toFixed(2);
		open = true;
	}
	return open ? d + 'V' + y0 : d;
}

/** A distribution over the run, as bars from zero. */
function sparkline(values, label) {
	const width = 120;
	const height = 22;
	const bins = rebin(values, 60);
	const most = Math.max(...bins);
	if (!most)
		return h('span', { class: 'muted small' }, 'none among the events');
	const y = (v) => height - 1 - Math.max(v / most * (height - 3), 1);
	return s('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img',
		'aria-label': label },
	s('line', { class: 'grid', x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
	s('path', { class: 'spark', d: steps(bins, (i) => i * width / 60, y, height - 1) }));
}

/** A color sample for a legend. */
function swatch(color) {
	return s('svg', { class: 'swatch', width: 11, height: 11, 'aria-hidden': 'true' },
		s('rect', { width: 11, height: 11, style: 'fill: var(' + color + ')' }));
}

function legend(entries, label) {
	return h('ul', { class: 'legend', 'aria-label': label }, entries.map(([color, text]) =>
		h('li', {}, swatch(color), text)));
}

/* ---- histograms of costs ---- */

const OCTAVE = 6; // bars per doubling of the cost

/** A row's costs in the unit shown (instructions, microseconds), as [value, exits]. */
function costs(run, row) {
	const list = [];
	const scale = run.unit === 'time' ? 1e6 / run.hz : 1;
	for (let i = 0; i < row.hist.length; i += 2)
		list.push([Math.max(bucketValue(row.hist[i]), 0.5) * scale, row.hist[i + 1]]);
	return list;
}

function logBin(value) {
	return Math.floor(Math.log2(value) * OCTAVE + 1e-9);
}

/** The range [from, to] that includes all values, rounded to powers of ten. */
function logRange(lists) {
	let low = Infinity;
	let high = 0;
	for (const [value] of lists.flat()) {
		low = Math.min(low, value);
		high = Math.max(high, value);
	}
	const from = 10 ** Math.floor(Math.log10(low));
	let to = 10 ** Math.ceil(Math.log10(high));
	if (to <= from)
		to = from * 10;
	return [from, to];
}

/**
 * Exits by cost. The axis of costs is logarithmic and the same in all panels; that of exits starts
 * at zero. lists: a list of [value, exits] per run; marks: [value, name], drawn as lines.
 */
function histogram(lists, range, unit, marks, label) {
	const [width, height, left, right, bottom, top] = [300, 150, 40, 18, 34, 12];
	const [from, to] = range.map((value) => Math.log2(value) * OCTAVE);
	const first = Math.floor(from + 1e-9);
	const n = Math.ceil(to - 1e-9) - first + 1;
	const x = (bin) => left + (bin - from) / (to - from) * (width - left - right);
	const bins = lists.map((list) => {
		const values = new Float64Array(n);
		for (const [value, exits] of list)
			values[Math.min(Math.max(logBin(value) - first, 0), n - 1)] += exits;
		return values;
	});
	const most = Math.max(...bins.map((values) => Math.max(...values)), 1);
	const floor = height - bottom;
	const y = (v) => floor - v / most * (floor - top);
	const svg = s('svg', { viewBox: `0 0 ${width} ${height}`, width: '100%', role: 'img',
		'aria-label': label });
	for (const tick of ticks(0, most, 3).filter((t) => t === Math.floor(t)))
		svg.append(s('line', { class: 'grid', x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
			s('text', { x: left - 4, y: y(tick) + 4, 'text-anchor': 'end' }, brief(tick)));
	const decades = Math.round(Math.log10(range[1] / range[0]));
	const every = Math.ceil(decades / 6);
	for (let i = 0; i <= decades; i++) {
		const value = range[0] * 10 ** i;
		const at = x(Math.log2(value) * OCTAVE);
		svg.append(s('line', { class: 'axis', x1: at, x2: at, y1: floor, y2: floor + 3 }));
		if (i % every === 0)
			svg.append(s('text', { x: at, y: floor + 15, 'text-anchor': 'middle' }, brief(value)));
	}
	svg.append(s('text', { x: (left + width) / 2, y: height - 4, 'text-anchor': 'middle' },
		unit + ', log scale'));
	const bar = (i) => Math.min(Math.max(x(first + i), left), width - right);
	bins.forEach((values, i) => svg.append(s('path',
		{ class: i ? 'run-b' : 'bar-a', d: steps(values, bar, (v) => y(v), floor) })));
	for (const [value, name] of marks) {
		const at = x(Math.log2(Math.max(value, range[0])) * OCTAVE);
		svg.append(s('line', { class: 'percentile', x1: at, x2: at, y1: top, y2: floor }),
			s('text', { x: at, y: top - 2, 'text-anchor': at > width - 30 ? 'end' : 'middle' }, name));
	}
	svg.append(s('path', { class: 'axis', d: `M${left} ${top}V${floor}H${width - right}` }));
	return svg;
}

/* ---- heat strips ---- */

const HEAT = 5;

/** 1 to HEAT, by the logarithm of a count; 0 for none. */
function heat(value, most) {
	if (!value)
		return 0;
	return most <= 1 ? HEAT : 1 + Math.round(Math.log(value) / Math.log(most) * (HEAT - 1));
}

/** A strip of bins. Higher counts are darker (lighter in the dark theme). */
function strip(values, most, label) {
	const width = RUNS.length > 1 ? 144 : 288;
	const height = 18;
	const each = width / values.length;
	const paths = new Array(HEAT + 1).fill('');
	values.forEach((value, i) => {
		paths[heat(value, most)] +=
			`M${(i * each).toFixed(2)} 0h${(each * 1.02).toFixed(2)}v${height}h-${(each * 1.02).toFixed(2)}z`;
	});
	return s('svg', { width, height, role: 'img', 'aria-label': label },
		s('rect', { width, height, style: 'fill: var(--panel)' }),
		paths.map((d, i) => d && i ? s('path', { d, style: `fill: var(--heat-${i})` }) : null));
}

function heatLegend(most) {
	const entries = [];
	let low = 1;
	for (let i = 1; i <= HEAT; i++) {
		const high = i === HEAT ? most : Math.floor(most ** ((i - 0.5) / (HEAT - 1)));
		if (high >= low)
			entries.push(['--heat-' + heat(high, most), low === high ? count(low) :
				count(low) + ' to ' + count(high)]);
		low = Math.max(high + 1, low);
	}
	return legend(entries, 'accesses per cell');
}

/* ---- stacked bars ---- */

/** One bar from zero, made of parts [name, value, color]. The full width is `most`. */
function stackedBar(parts, most, label) {
	const width = 600;
	const height = 26;
	let at = 0;
	const svg = s('svg', { viewBox: `0 0 ${width} ${height}`, width: '100%', height,
		preserveAspectRatio: 'none', role: 'img', 'aria-label': label });
	for (const [name, value, color] of parts) {
		const size = value / most * width;
		svg.append(s('rect', { x: at, width: size, height, style: `fill: var(${color}); ` +
			'stroke: var(--bg); stroke-width: 0.7' }, s('title', {}, name + ': ' + count(value))));
		at += size;
	}
	return svg;
}
