// SPDX-License-Identifier: MIT
/*
 * page_runs.js - run the scripts of report pages with a document that accepts everything, and print
 * each page that throws, with the error. Finds functions and variables that do not exist, without a
 * browser (browser.slow.t tests the pages in one).
 *
 * usage: node page_runs.js PAGE...
 */
'use strict';

const fs = require('fs');
const vm = require('vm');

/** An object that has every property, and is a function that returns it. As a number it is 0. */
const anything = new Proxy(function () {}, {
	get: (target, name) => name === Symbol.toPrimitive ? () => 0 :
		name === Symbol.iterator ? function* () {} : name === 'length' ? 0 : anything,
	set: () => true,
	apply: () => anything,
	construct: () => anything,
});

const GLOBALS = ['window', 'location', 'history', 'localStorage', 'navigator', 'matchMedia', 'getComputedStyle',
	'addEventListener', 'requestAnimationFrame', 'ResizeObserver', 'IntersectionObserver', 'MutationObserver',
	'setTimeout', 'clearTimeout', 'CSS', 'Event', 'innerWidth'];

for (const page of process.argv.slice(2)) {
	const [data, ...scripts] = [...fs.readFileSync(page, 'utf8').matchAll(/<script[^>]*>([^]*?)<\/script>/g)]
		.map((found) => found[1]);
	const document = new Proxy(anything, { get: (target, name) => name === 'getElementById' ?
		(id) => id === 'data' ? { textContent: data } : anything : anything[name] });
	try {
		vm.runInNewContext(scripts.join('\n'), Object.fromEntries([['document', document],
			...GLOBALS.map((name) => [name, anything])]), { timeout: 60000 });
	} catch (error) {
		console.log(page + ': ' + error);
	}
}
