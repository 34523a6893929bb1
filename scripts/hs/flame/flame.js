// SPDX-License-Identifier: MIT
/*
 * flame.js - a flame graph in a browser: as wide as the window; zoom, search, and all of it by keys.
 *
 * Where a frame is follows from three numbers that svg.py has written into it: what lies left of it,
 * its count, its depth. Names are read from the drawing and only ever become text in it again.
 */
(function () {
	'use strict';
	const svg = document.currentScript.closest('svg');
	const MARGIN = 10, LEAST = 0.3, NARROWEST = 360;
	const icicle = svg.dataset.icicle === '1';
	const readout = svg.querySelector('.readout');
	const frames = [...svg.querySelectorAll('.f')].map((g) => {
		const [name, words] = g.querySelector('title').textContent.split('\n');
		return {
			g, name, words, rect: g.querySelector('rect'), label: g.querySelector('text'),
			first: Number(g.dataset.s), count: Number(g.dataset.n), depth: Number(g.dataset.d),
		};
	});
	const root = frames[0];
	let top = root, current = root, width = 0, found = new Set();

	function advance() {
		root.label.textContent = 'x'.repeat(50);
		return root.label.getComputedTextLength() / 50 || 7.3;
	}

	const columns = (text) => [...text].reduce((sum, c) => sum + (c.codePointAt(0) >= 0x1100 ? 2 : 1), 0);

	function shortened(text, room) {
		if (columns(text) <= room)
			return text;
		if (room < 3)
			return '';
		let kept = '', used = 1;
		for (const c of text) {
			used += columns(c);
			if (used > room)
				break;
			kept += c;
		}
		return kept + '\u2026';
	}

	const holds = (outer, inner) => outer.depth <= inner.depth && outer.first <= inner.first &&
		inner.first + inner.count <= outer.first + outer.count;

	// Where each frame is: what is below the zoomed one is drawn as wide as it, the rest not at all.
	function layout() {
		const room = width - 2 * MARGIN, scale = room / top.count, char = advance();

		for (const f of frames) {
			const above = f !== top && holds(f, top), inside = holds(top, f);
			const x = above ? MARGIN : MARGIN + (f.first - top.first) * scale;
			const w = above ? room : f.count * scale;

			f.shown = above || (inside && w >= LEAST);
			f.g.style.display = f.shown ? '' : 'none';
			if (!f.shown)
				continue;
			f.x = x;
			f.w = w;
			f.g.classList.toggle('above', above);
			f.rect.setAttribute('x', x.toFixed(2));
			f.rect.setAttribute('width', Math.max(w - 0.5, 0.2).toFixed(2));
			f.label.setAttribute('x', (x + 3).toFixed(2));
			f.label.textContent = shortened(f.name, Math.floor((w - 6) / char));
		}
	}

	function fit() {
		const wide = svg === document.documentElement ? window.innerWidth : svg.parentNode.clientWidth;
		const height = Number(svg.getAttribute('height'));

		width = Math.max(wide, NARROWEST);
		svg.setAttribute('width', width);
		svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
		box.setAttribute('x', width < 800 ? MARGIN : width - 390);
		box.setAttribute('y', width < 800 ? 50 : 8);
		for (const key of svg.querySelectorAll('.key'))
			key.style.display = width < 800 ? 'none' : '';
		layout();
	}

	function say(text) {
		const room = Math.floor((width - 2 * MARGIN) / 7.3);

		readout.textContent = shortened(text, room);
	}

	const told = (f) => f.name + ': ' + f.words;

	function focus(f) {
		current.g.setAttribute('tabindex', '-1');
		current = f;
		f.g.setAttribute('tabindex', '0');
		f.g.focus({ preventScroll: true });
		f.g.scrollIntoView({ block: 'nearest' });
		say(told(f));
	}

	function zoom(f) {
		top = f;
		layout();
		focus(f);
	}

	// The frame next to this one: among what is shown, on the next row or the same.
	function neighbor(key) {
		const up = key === 'ArrowUp' ? 1 : -1, deeper = icicle ? -up : up;
		const shown = frames.filter((f) => f.shown);

		if (key === 'ArrowUp' || key === 'ArrowDown') {
			if (deeper > 0)
				return shown.find((f) => f.depth === current.depth + 1 && holds(current, f));
			return shown.find((f) => f.depth === current.depth - 1 && holds(f, current));
		}
		const row = shown.filter((f) => f.depth === current.depth);

		return row[row.indexOf(current) + (key === 'ArrowRight' ? 1 : -1)];
	}

	function search(text) {
		const wanted = text.trim().toLowerCase();

		found = new Set(wanted ? frames.filter((f) => f.name.toLowerCase().includes(wanted)) : []);
		let counted = 0, behind = 0;
		for (const f of frames) {
			f.g.classList.toggle('found', found.has(f));
			f.g.classList.toggle('other', wanted !== '' && !found.has(f));
			// A frame in one that was found is counted with it.
			if (found.has(f) && f.first >= behind) {
				counted += f.count;
				behind = f.first + f.count;
			}
		}
		say(wanted ? found.size + ' frames found, ' + (100 * counted / root.count).toFixed(2) + ' % of all' : '');
	}

	function next() {
		const order = frames.filter((f) => found.has(f));

		if (!order.length)
			return;
		const at = order.findIndex((f) => frames.indexOf(f) > frames.indexOf(current));
		const f = order[Math.max(at, 0)];

		if (!f.shown) {
			top = root;
			layout();
		}
		focus(f);
	}

	function controls() {
		const html = 'http://www.w3.org/1999/xhtml';
		const outer = document.createElementNS('http://www.w3.org/2000/svg', 'foreignObject');
		const form = document.createElementNS(html, 'form');
		const field = document.createElementNS(html, 'input');

		outer.setAttribute('width', '380');
		outer.setAttribute('height', '30');
		field.type = 'search';
		field.placeholder = 'search';
		field.setAttribute('aria-label', 'search for a function');
		field.title = 'keys: / search, n next found, arrows, Enter zoom, Esc all';
		field.addEventListener('input', () => search(field.value));
		form.append(field);
		for (const [text, what] of [['next', next], ['all', () => zoom(root)]]) {
			const button = document.createElementNS(html, 'button');

			button.type = 'button';
			button.textContent = text;
			button.addEventListener('click', what);
			form.append(button);
		}
		form.addEventListener('submit', (event) => {
			event.preventDefault();
			next();
		});
		outer.append(form);
		svg.insertBefore(outer, svg.querySelector('.frames'));
		return [outer, field];
	}

	const [box, field] = controls();

	for (const f of frames) {
		f.g.setAttribute('tabindex', '-1');
		f.g.setAttribute('role', 'button');
		f.g.addEventListener('click', () => zoom(f));
		f.g.addEventListener('mouseenter', () => say(told(f)));
	}
	root.g.setAttribute('tabindex', '0');
	svg.addEventListener('keydown', (event) => {
		const typing = event.target === field;
		let f;

		if (event.ctrlKey || event.altKey || event.metaKey)
			return;
		if (event.key === 'Escape') {
			if (typing) {
				field.value = '';
				search('');
			}
			zoom(root);
		} else if (typing || event.target.localName === 'button') {
			return;
		} else if (event.key.startsWith('Arrow')) {
			f = neighbor(event.key);
			if (f)
				focus(f);
		} else if (event.key === 'Enter' || event.key === ' ') {
			zoom(current);
		} else if (event.key === '/') {
			field.focus();
		} else if (event.key === 'n') {
			next();
		} else {
			return;
		}
		event.preventDefault();
	});
	window.addEventListener('resize', fit);
	window.addEventListener('beforeprint', () => {
		top = root;
		layout();
	});
	fit();
})();
