// SPDX-License-Identifier: MIT
/*
 * report_timeline.js - the timeline of each vCPU: states, and exits by cause, with zoom and search.
 *
 * hstrace has counted into bins of equal time. A column of the drawing is one or more bins. Zoom by
 * dragging with the mouse or a finger, by buttons, or by keys (see onKey()).
 */
'use strict';

class Timeline {
	/** colors: a map from a slot to the number of its cause's color. */
	constructor(run, name, colors) {
		this.run = run;
		this.name = name;
		this.colors = colors;
		this.lanes = run.vcpus.filter((vcpu) => vcpu.time).map((vcpu) => ({
			vcpu,
			states: this.states(vcpu),
			slots: Object.keys(vcpu.bySlot).map(Number),
			exits: new Map(Object.entries(vcpu.bySlot).map(([slot, runs]) =>
				[Number(slot), expand(runs, run.bins)])),
		}));
		this.lanes.sort((a, b) => a.vcpu.vm - b.vcpu.vm || a.vcpu.vcpu - b.vcpu.vcpu);
		this.shown = this.lanes;
		this.slotOrder = drawnRows(run).map((row) => row.slot)
			.sort((a, b) => colors.get(a) - colors.get(b) || a - b);
		this.from = 0;
		this.to = run.bins;
		this.cursor = null;
		this.found = null; // slots found by the search; null: no search
		this.foundEvents = null; // by bin: number of events found by the search; null: none
		this.element = this.build();
	}

	/** The parts of each bin that a vCPU spends in each state; the rest of a bin is unknown. */
	states(vcpu) {
		const known = vcpu.time.slice(0, STATES.length - 1).map((runs) => expand(runs, this.run.bins));
		return [...known, new Float64Array(this.run.bins).map((_, i) =>
			this.run.binParts - sum(known.map((values) => values[i])))];
	}

	/* ---- controls around the drawing ---- */

	build() {
		this.svg = s('svg', { class: 'timeline', tabindex: '0', role: 'application',
			'aria-label': 'Timeline of ' + this.name + '. Arrow keys move the cursor, plus and minus ' +
			'zoom, page up and page down scroll, 0 shows all, n and p go to the next and previous match.',
			'aria-describedby': 'timeline-help' });
		this.svg.addEventListener('keydown', (event) => this.onKey(event));
		this.svg.addEventListener('pointerdown', (event) => this.onDown(event));
		this.svg.addEventListener('pointermove', (event) => this.onMove(event));
		this.svg.addEventListener('pointerup', (event) => this.onUp(event));
		this.svg.addEventListener('pointercancel', () => this.onCancel());
		this.svg.addEventListener('dblclick', () => this.zoomTo(0, this.run.bins));
		this.readout = h('div', { class: 'readout', role: 'status' });
		this.window = h('div');
		this.fromInput = h('input', { type: 'number', step: 'any', onchange: () => this.onInput() });
		this.toInput = h('input', { type: 'number', step: 'any', onchange: () => this.onInput() });
		const button = (text, label, action) => h('button', { type: 'button', 'aria-label': label,
			title: label, onclick: action }, text);
		const controls = h('div', { class: 'controls' },
			button('+', 'zoom in', () => this.zoomBy(0.5)),
			button('−', 'zoom out', () => this.zoomBy(2)),
			button('◀', 'earlier', () => this.shift(-0.5)),
			button('▶', 'later', () => this.shift(0.5)),
			button('all', 'show the whole run', () => this.zoomTo(0, this.run.bins)),
			button('previous match', 'previous exit that matches the search', () => this.seek(-1)),
			button('next match', 'next exit that matches the search', () => this.seek(1)),
			h('label', {}, 'from ', this.fromInput, ' s'),
			h('label', {}, 'to ', this.toInput, ' s'), this.vcpuChoice());
		return h('div', {}, controls, this.svg, this.readout, this.window);
	}

	vcpuChoice() {
		const select = h('select', { onchange: () => {
			this.shown = select.value === 'all' ? this.lanes : [this.lanes[Number(select.value)]];
			this.draw();
		} }, h('option', { value: 'all' }, 'all vCPUs'),
		this.lanes.map((lane, i) => h('option', { value: String(i) }, vcpuName(lane.vcpu))));
		return h('label', {}, 'show ', select);
	}

	/* ---- navigation; positions are in bins ---- */

	zoomTo(from, to) {
		const least = Math.min(8, this.run.bins);
		const width = Math.min(Math.max(to - from, least), this.run.bins);
		this.from = Math.min(Math.max(from, 0), this.run.bins - width);
		this.to = this.from + width;
		if (this.cursor !== null && (this.cursor < this.from || this.cursor >= this.to))
			this.cursor = null;
		this.draw();
	}

	zoomBy(factor) {
		const center = this.cursor === null ? (this.from + this.to) / 2 : this.cursor;
		const width = (this.to - this.from) * factor;
		const left = (center - this.from) / (this.to - this.from);
		this.zoomTo(center - left * width, center + (1 - left) * width);
	}

	shift(share) {
		const by = (this.to - this.from) * share;
		this.zoomTo(this.from + by, this.to + by);
	}

	/** Show a period, given in ticks since the first event. */
	showTime(from, to) {
		const bin = this.run.bins / this.run.span;
		const middle = (from + to) / 2 * bin;
		const width = Math.max((to - from) * bin * 3, 64);
		this.cursor = Math.min(Math.floor(from * bin), this.run.bins - 1);
		this.zoomTo(middle - width / 2, middle + width / 2);
		this.svg.focus();
		this.svg.scrollIntoView({ block: 'nearest' });
	}

	onInput() {
		const bin = (text) => (Number(text) * this.run.hz - this.run.first) / this.run.span *
			this.run.bins;
		const from = bin(this.fromInput.value);
		const to = bin(this.toInput.value);
		if (from < to)
			this.zoomTo(from, to);
		else
			this.draw();
	}

	/** Move the cursor to the previous (-1) or next (1) bin with an exit found by the search. */
	seek(direction) {
		if (!this.found || !this.found.size)
			return this.say('The search above matches no cause of an exit.');
		const each = this.binsPerColumn();
		let at = direction > 0 ? Math.floor(this.from) : Math.ceil(this.to) - 1;
		if (this.cursor !== null) {
			const first = Math.floor(this.cursor / each) * each;
			at = direction > 0 ? first + each : first - 1;
		}
		for (; at >= 0 && at < this.run.bins; at += direction)
			if (this.shown.some((lane) => [...this.found].some((slot) =>
				lane.exits.has(slot) && lane.exits.get(slot)[at] > 0))) {
				const width = this.to - this.from;
				this.cursor = at;
				if (at < this.from || at >= this.to)
					this.zoomTo(at - width / 2, at + width / 2);
				else
					this.draw();
				return undefined;
			}
		return this.say('There is no match ' + (direction > 0 ? 'after' : 'before') + ' the cursor.');
	}

	say(text) {
		this.readout.textContent = text;
	}

	/* ---- keys, mouse and touch ---- */

	onKey(event) {
		const column = (this.to - this.from) / Math.max(this.columns, 1);
		const move = (by) => {
			const at = this.cursor === null ? (this.from + this.to) / 2 : this.cursor + by;
			this.cursor = Math.min(Math.max(at, 0), this.run.bins - 1);
			if (this.cursor < this.from)
				this.shift(-0.5);
			else if (this.cursor >= this.to)
				this.shift(0.5);
			else
				this.draw();
		};
		const actions = {
			ArrowLeft: () => move(event.shiftKey ? -10 * column : -column),
			ArrowRight: () => move(event.shiftKey ? 10 * column : column),
			'+': () => this.zoomBy(0.5),
			'=': () => this.zoomBy(0.5),
			'-': () => this.zoomBy(2),
			PageUp: () => this.shift(-0.5),
			PageDown: () => this.shift(0.5),
			Home: () => this.shift(-this.run.bins),
			End: () => this.shift(this.run.bins),
			0: () => this.zoomTo(0, this.run.bins),
			n: () => this.seek(1),
			p: () => this.seek(-1),
		};
		const action = actions[event.key];
		if (!action || event.ctrlKey || event.altKey || event.metaKey)
			return;
		event.preventDefault();
		action();
	}

	/** The bin under the pointer. */
	binAt(event) {
		const box = this.svg.getBoundingClientRect();
		const share = (event.clientX - box.left - this.left) / (this.width - this.left - this.right);
		return this.from + Math.min(Math.max(share, 0), 0.999999) * (this.to - this.from);
	}

	onDown(event) {
		if (event.button)
			return;
		this.dragFrom = this.binAt(event);
		this.svg.setPointerCapture(event.pointerId);
	}

	onMove(event) {
		this.cursor = this.binAt(event);
		this.drawCursor();
	}

	onUp(event) {
		const [from, to] = [this.dragFrom, this.binAt(event)].sort((a, b) => a - b);
		const pixels = (to - from) / (this.to - this.from) * this.width;
		this.dragFrom = undefined;
		this.cursor = this.binAt(event);
		if (pixels > 5)
			this.zoomTo(from, to);
		else
			this.drawCursor();
	}

	/** The browser has taken over the touch, to scroll the page. */
	onCancel() {
		this.dragFrom = undefined;
		this.drawCursor();
	}

	/* ---- drawing ---- */

	/** The smallest number of bins with which a column is at least a pixel and a half wide. */
	binsPerColumn() {
		const room = Math.max(Math.floor(this.width - this.left - this.right), 1);
		const bins = Math.min(Math.ceil(this.to), this.run.bins) - Math.floor(this.from);
		return Math.max(Math.ceil(bins / room * 1.5), 1);
	}

	/** Edges of the columns, in bins, starting at a multiple of a column's width. */
	edges() {
		const from = Math.floor(this.from);
		const to = Math.min(Math.ceil(this.to), this.run.bins);
		const each = this.binsPerColumn();
		const list = [];
		for (let i = from - from % each; i < to; i += each)
			list.push(i);
		list.push(to);
		return list;
	}

	between(values, from, to) {
		let total = 0;
		for (let i = from; i < to; i++)
			total += values[i];
		return total;
	}

	binTime(bin) {
		return seconds(this.run, bin / this.run.bins * this.run.span);
	}

	draw() {
		this.width = Math.max(this.element.clientWidth || 1000, 280);
		this.left = this.width < 600 ? 52 : 64;
		this.right = 8;
		const many = this.shown.length > 16;
		this.stateHeight = many ? 14 : 34;
		this.exitHeight = many ? 0 : 52;
		this.laneHeight = this.stateHeight + this.exitHeight + 24;
		const found = this.foundEvents ? 52 : 0;
		this.height = 8 + this.shown.length * this.laneHeight + found + 36;
		const edges = this.edges();
		this.columns = edges.length - 1;
		const x = (i) => this.x(edges[i]);
		this.svg.setAttribute('width', this.width);
		this.svg.setAttribute('height', this.height);
		this.svg.setAttribute('viewBox', `0 0 ${this.width} ${this.height}`); // shrinks in print
		this.svg.replaceChildren();
		const exits = this.shown.map((lane) => this.stack(lane, edges));
		const most = Math.max(1e-9, ...exits.map((stack) => stack.most));
		this.shown.forEach((lane, i) => this.drawLane(lane, 8 + i * this.laneHeight, edges, x,
			exits[i], most));
		if (this.foundEvents)
			this.drawFound(8 + this.shown.length * this.laneHeight, x, edges);
		this.drawAxis();
		this.overlay = s('g');
		this.svg.append(this.overlay);
		const ends = [this.from, this.to].map((bin) => this.binTime(bin).toFixed(6));
		[this.fromInput.value, this.toInput.value] = ends;
		this.drawCursor();
		this.window.replaceChildren(this.windowTable());
	}

	x(bin) {
		const share = (bin - this.from) / (this.to - this.from);
		return this.left + Math.min(Math.max(share, 0), 1) * (this.width - this.left - this.right);
	}

	/** Exits per second by cause in each column, and the highest sum of a column. */
	stack(lane, edges) {
		const rates = new Map();
		const total = new Float64Array(edges.length - 1);
		for (const slot of this.slotOrder) {
			if (!lane.exits.has(slot))
				continue;
			const values = new Float64Array(edges.length - 1);
			const bins = lane.exits.get(slot);
			for (let i = 0; i + 1 < edges.length; i++) {
				const time = (edges[i + 1] - edges[i]) / this.run.bins * this.run.span / this.run.hz;
				values[i] = this.between(bins, edges[i], edges[i + 1]) / time;
				total[i] += values[i];
			}
			rates.set(slot, values);
		}
		return { rates, most: Math.max(...total) };
	}

	drawLane(lane, top, edges, x, stack, most) {
		const name = this.width < 600 || this.lanes.length > 16 ?
			lane.vcpu.vm + '.' + lane.vcpu.vcpu : vcpuName(lane.vcpu);
		const y0 = top + 16 + this.stateHeight;
		this.svg.append(s('text', { class: 'lane-name', x: 4, y: top + 11 }, name));
		let base = new Float64Array(edges.length - 1);
		STATES.forEach((name, state) => {
			if (name === 'unknown') // blank
				return;
			const next = base.map((value, i) => value +
				this.between(lane.states[state], edges[i], edges[i + 1]) / this.run.binParts /
				(edges[i + 1] - edges[i]));
			this.svg.append(s('path', { d: band(base, next, x, y0, this.stateHeight),
				style: `fill: var(--state-${state})` }));
			base = next;
		});
		this.scale(top + 16, this.stateHeight, this.exitHeight ? '100 %' : '');
		if (!this.exitHeight)
			return;
		const floor = y0 + this.exitHeight;
		base = new Float64Array(edges.length - 1);
		for (const [slot, values] of stack.rates) {
			const next = base.map((value, i) => value + values[i] / most);
			this.svg.append(s('path', { d: band(base, next, x, floor, this.exitHeight - 6),
				class: this.found && !this.found.has(slot) ? 'faded' : null,
				style: `fill: var(--cause-${this.colors.get(slot)})` }));
			base = next;
		}
		this.scale(y0 + 6, this.exitHeight - 6, brief(most) + '/s');
	}

	/** An axis on the left, from zero to the value in `text`. */
	scale(top, height, text) {
		this.svg.append(s('path', { class: 'axis',
			d: `M${this.left} ${top}V${top + height}H${this.width - this.right}` }));
		if (text)
			this.svg.append(
				s('text', { x: this.left - 4, y: top + 8, 'text-anchor': 'end' }, text),
				s('text', { x: this.left - 4, y: top + height, 'text-anchor': 'end' }, '0'));
	}

	/** The events found by the search, on all harts. Their bins are wider than those of exits. */
	drawFound(top, x, edges) {
		const n = this.foundEvents.length;
		const values = new Float64Array(edges.length - 1);
		const time = this.run.span / this.run.hz / n;
		for (let i = 0; i + 1 < edges.length; i++)
			values[i] = this.foundEvents[Math.floor((edges[i] + edges[i + 1]) / 2 / this.run.bins * n)] /
				time;
		const most = Math.max(...values, 1e-9);
		const floor = top + 48;
		this.svg.append(s('text', { class: 'lane-name', x: 4, y: top + 11 }, 'matching events'),
			s('path', { d: band(new Float64Array(values.length), values.map((v) => v / most), x, floor,
				30), style: 'fill: var(--accent)' }));
		this.scale(floor - 30, 30, brief(most) + '/s');
	}

	drawAxis() {
		const y = this.height - 26;
		const from = this.binTime(this.from);
		const to = this.binTime(this.to);
		const list = ticks(from, to, Math.max(Math.floor(this.width / 110), 4));
		const step = list.length > 1 ? list[1] - list[0] : 1;
		const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
		for (const tick of list) {
			const at = this.x((tick * this.run.hz - this.run.first) / this.run.span * this.run.bins);
			this.svg.append(s('line', { class: 'axis', x1: at, x2: at, y1: y, y2: y + 4 }),
				s('text', { x: Math.min(Math.max(at, 24), this.width - 30), y: y + 15,
					'text-anchor': 'middle' }, tick.toFixed(Math.min(digits, 9))));
		}
		this.svg.append(s('text', { x: this.width - this.right, y: y - 3, 'text-anchor': 'end' },
			'seconds since tracing was set up'));
	}

	/** Draw the cursor, and describe the column under it in words. */
	drawCursor() {
		this.overlay.replaceChildren();
		if (this.cursor === null) {
			this.say('Point at the timeline, touch it, or move its cursor with the keys, to read a column.');
			return;
		}
		const at = this.x(this.cursor);
		if (this.dragFrom !== undefined) {
			const [a, b] = [this.x(this.dragFrom), at].sort((u, v) => u - v);
			this.overlay.append(s('rect', { class: 'selection', x: a, width: b - a, y: 0,
				height: this.height - 26 }));
		}
		this.overlay.append(s('line', { class: 'cursor', x1: at, x2: at, y1: 0, y2: this.height - 26 }));
		const edges = this.edges();
		let i = 0;
		while (i + 2 < edges.length && edges[i + 1] <= this.cursor)
			i++;
		const width = (edges[i + 1] - edges[i]) / this.run.bins * this.run.span / this.run.hz;
		const lines = this.shown.slice(0, 8).map((lane) => this.sayColumn(lane, edges[i], edges[i + 1]));
		this.readout.replaceChildren(h('div', {}, 'At ' + this.binTime(edges[i]).toFixed(6) + ' s, ' +
			duration(width) + ' wide'), ...lines.map((line) => h('div', {}, line)));
	}

	sayColumn(lane, from, to) {
		const states = this.stateShares(lane, from, to, 1)
			.map((share, state) => parseFloat(share) ? STATES[state] + ' ' + share : null);
		const causes = this.slotOrder.filter((slot) => lane.exits.has(slot)).map((slot) => {
			const n = this.between(lane.exits.get(slot), from, to);
			return n ? count(n) + ' ' + this.title(slot) : null;
		});
		return vcpuName(lane.vcpu) + ': ' + states.filter(Boolean).join(', ') + '; exits: ' +
			(causes.filter(Boolean).join(', ') || 'none');
	}

	/** The share of each state, as text. For the whole run, it is computed from exact times. */
	stateShares(lane, from, to, digits) {
		const vcpu = lane.vcpu;
		return shares(from === 0 && to === this.run.bins ?
			[...vcpu.ticks.slice(0, STATES.length - 1), vcpu.before + vcpu.lost + vcpu.after] :
			lane.states.map((values) => this.between(values, from, to)), digits);
	}

	/** Why a part of the states is unknown; null if none is. */
	unknown() {
		const time = (ticks) => duration(ticks / this.run.hz);
		const lanes = this.shown.filter((lane) => lane.vcpu.before + lane.vcpu.lost + lane.vcpu.after);
		if (!this.run.hasStates)
			return 'The states are unknown, because the events include no kvm_entry or no kvm_exit.';
		if (!lanes.length)
			return null;
		return 'Unknown in the whole run: ' + lanes.slice(0, 8).map(({ vcpu }) => vcpuName(vcpu) + ': ' +
			[vcpu.before ? time(vcpu.before) + ' before its first event' : null,
				vcpu.lost ? time(vcpu.lost) + ' where events were lost' : null,
				vcpu.after ? time(vcpu.after) + ' after its last' : null].filter(Boolean).join(', '))
			.join('; ') + (lanes.length > 8 ? '; and other vCPUs' : '') +
			(sum(this.run.rings.map((ring) => ring[1])) ? '. Events were lost.' : '.');
	}

	title(slot) {
		return drawnRows(this.run).find((row) => row.slot === slot).title;
	}

	/** Tables of the numbers in the visible part of the run. */
	windowTable() {
		const edges = this.edges();
		const from = edges[0];
		const to = edges[edges.length - 1];
		const rows = this.shown.map((lane) => {
			const share = this.stateShares(lane, from, to, 2);
			const exits = sum([...lane.exits.values()].map((bins) => this.between(bins, from, to)));
			return { lane, share, exits };
		});
		const causes = this.slotOrder.map((slot) => ({ slot, exits: sum(this.shown.map((lane) =>
			lane.exits.has(slot) ? this.between(lane.exits.get(slot), from, to) : 0)) }))
			.filter((row) => row.exits);
		const number = (title, text) => ({ title, number: true, text });
		return h('details', { open: true }, h('summary', {}, 'Visible part: ' +
			this.binTime(from).toFixed(6) + ' s to ' + this.binTime(to).toFixed(6) + ' s'),
		h('div', { class: 'beside' },
			table('Share of time by state, and exits, of each vCPU in the visible part',
				[{ title: 'vCPU', text: (row) => vcpuName(row.lane.vcpu) },
					...STATES.map((name, i) => number(name, (row) => row.share[i])),
					number('exits', (row) => count(row.exits))], rows),
			table('Exits by cause in the visible part',
				[{ title: 'cause', class: 'cause', text: (row) => this.title(row.slot) },
					number('exits', (row) => count(row.exits))], causes)),
		h('p', { class: 'muted small' }, this.unknown()));
	}
}

/** Bars between two curves of shares (0 to 1) above y0. */
function band(low, high, x, y0, height) {
	let d = '';
	for (let i = 0; i < low.length; i++) {
		if (!(high[i] > low[i]))
			continue;
		const [a, b] = [x(i).toFixed(2), x(i + 1).toFixed(2)];
		const [top, bottom] = [high[i], low[i]].map((v) => (y0 - Math.min(v, 1) * height).toFixed(2));
		d += `M${a} ${bottom}V${top}H${b}V${bottom}z`;
	}
	return d;
}
