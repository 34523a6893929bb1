// SPDX-License-Identifier: MIT
/*
 * report_levels.js - exits of a guest's guest (L2), and the exits to the host (L0) that each causes.
 *
 * The same numbers as those of `hstrace levels`.
 */
'use strict';

/** The sequence of exits to L0 that one exit of L2 causes, as a bar and as a table. */
function unfolded(run, kind) {
	const titles = kind.parts.map(([title]) => title);
	const color = (title) => '--cause-' + (titles.slice(0, NR_CAUSE_COLORS).includes(title) ? titles.indexOf(title) :
		NR_CAUSE_COLORS);
	const priced = kind.examplePriced;
	const parts = kind.example.flatMap(([title, before, inL0]) => [
		...priced && before ? [['L1', before, '--state-0']] : [], [title, priced ? inL0 : 1, color(title)]]);
	const total = sum(parts.map(([, value]) => value));
	const unit = priced ? unitName(run) : 'exits to L0';
	const number = (title, text) => ({ title, number: true, text });
	const costs = (title, fn) => priced ? [number(title, (row) => cost(run, fn(row)))] : [];
	const rows = kind.example.map(([title, before, inL0], i) => ({ i, title, before, inL0 }));
	const colors = kind.parts.slice(0, NR_CAUSE_COLORS).map(([title]) => [color(title), title]);
	if (titles.length > colors.length)
		colors.push(['--cause-' + NR_CAUSE_COLORS, 'other exits to L0']);
	if (priced)
		colors.unshift(['--state-0', 'L1, and L0’s world switch']);
	return h('div', {}, legend(colors, 'parts of an exit of L2'),
		stackedBar(parts, total, kind.title + ': its exits to L0 in order; ' + cost(run, total) + ' ' + unit),
		h('div', { class: 'beside' },
			table(kind.title + ': the shortest one' + (kind.length > rows.length ? '; its first ' + rows.length +
				' of ' + count(kind.length) + ' exits to L0' : '') + (priced ? '; costs in ' + unit : ''), [
				number('no.', (row) => String(row.i + 1)),
				{ title: 'exit to L0', class: 'cause', text: (row) => row.title,
					cell: (row) => [swatch(color(row.title)), '\u00a0', row.title] },
				...costs('L1 before it', (row) => row.before), ...costs('in L0', (row) => row.inL0)], rows),
			table(kind.title + ': means per exit of L2', [
				{ title: 'exit to L0', class: 'cause', text: (row) => row.title },
				number('exits', (row) => (row.n / kind.count).toFixed(1)),
				...kind.priced ? costs('in L0', (row) => Math.round(row.sum / kind.priced)) : []],
			kind.parts.map(([title, n, all]) => ({ title, n, sum: all })))));
}

function levelsOf(run) {
	const rows = drawnRows(run).filter((row) => row.levels && sum(row.levels)).map((row) =>
		({ title: row.title, l1: row.levels[0], l2: row.levels[1], search: row.title + ' exit cause level' }));
	const [l1, l2] = [sum(rows.map((row) => row.l1)), sum(rows.map((row) => row.l2))];
	const unknown = sum(drawnRows(run).map((row) => row.seen)) - l1 - l2;
	const number = (title, fn, text) => ({ title, number: true, sort: fn, text: text || ((row) => count(fn(row))) });
	const mean_cost = (title, fn) => run.unit === 'none' ? [] : [number(title, (kind) => fn(kind) / kind.priced || 0,
		(kind) => kind.priced ? cost(run, Math.round(fn(kind) / kind.priced)) : '-')];
	const kinds = run.levels.kinds.map((kind) => Object.assign({ search: kind.title + ' exit L2 level' }, kind));
	const given = kinds.filter((kind) => kind.byL1);
	const note = (text) => h('p', { class: 'muted small' }, text);
	return h('div', {}, legend([['--state-0', 'L1: ' + count(l1) + ' exits'], ['--state-4', 'L2: ' + count(l2) + ' exits']],
		'levels'),
	stackedBar([['L1', l1, '--state-0'], ['L2', l2, '--state-4']], Math.max(l1 + l2, 1), 'Exits of L1 and of L2'),
	unknown ? note('Exits whose level is not known, because records are missing: ' + count(unknown) + '.') : null,
	table('Exits of L1 and of L2, by cause', [
		{ title: 'cause', class: 'cause', text: (row) => row.title, sort: (row) => row.title },
		number('L1', (row) => row.l1), number('L2', (row) => row.l2)], rows, 'L2'),
	table('Exits of L2, and the exits to L0 that they cause; means' + (run.unit === 'none' ? '' : ', costs in ' +
		unitName(run)), [
		{ title: 'exit of L2', class: 'cause', text: (kind) => kind.title, sort: (kind) => kind.title },
		{ title: 'handled by', text: (kind) => kind.byL1 ? 'L1' : 'L0', sort: (kind) => kind.byL1 ? 'L1' : 'L0' },
		number('count', (kind) => kind.count),
		number('exits to L0', (kind) => kind.steps / kind.count, (kind) => (kind.steps / kind.count).toFixed(1)),
		...mean_cost('in L0', (kind) => kind.l0), ...mean_cost('between', (kind) => kind.l1)], kinds, 'count'),
	run.levels.unfinished ? note('Exits that L1 was still handling at the end, not counted: ' +
		count(run.levels.unfinished) + '.') : null,
	run.levels.gaps ? note('Records are missing, and so are exits of L2 near them.') : null,
	given.length ? h('h3', {}, 'One exit of L2, unfolded into its exits to L0') : null,
	given.map((kind, i) => h('details', { open: i === 0 }, h('summary', {}, kind.title + ': ' + count(kind.count) +
		' exits of L2, with ' + (kind.steps / kind.count).toFixed(1) + ' exits to L0 on average'), unfolded(run, kind))));
}

function levelsSection() {
	if (!HAS_L2)
		return null;
	return section('levels', 'Levels', 'Exits of L1 and of its guest, L2', h('p', {}, 'Counted from events. An exit of L2 ' +
		'is handled by L0 (hyperscope) alone, or by L1, which exits to L0 in turn until it enters L2 again.'),
	eachRun((run) => run.levels ? levelsOf(run) : h('p', {}, 'No guest of a guest (L2) among the events.')));
}
