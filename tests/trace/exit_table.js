// SPDX-License-Identifier: MIT
/*
 * exit_table.js - print the exit tables of pages as the pages' script computes them: for each page,
 * its path, and a line for each row with the columns of `hstrace stat`, separated by tabs.
 *
 * usage: node exit_table.js REPORT_BASE_JS PAGE...
 */
'use strict';

const fs = require('fs');

const [script, ...pages] = process.argv.slice(2);
const table = new Function('document', fs.readFileSync(script, 'utf8') + `
	const run = RUNS[0];
	const share = shares(run.exits.map((row) => row.count));
	const costs = (row) => run.unit === 'none' || row.count === row.unpriced ? [] :
		[mean(row), percentile(row, 50), percentile(row, 99), row.max];
	return run.exits.map((row, i) => [row.title, count(row.count), share[i],
		...costs(row).map((value) => cost(run, value))]);`);

for (const page of pages) {
	const data = fs.readFileSync(page, 'utf8').match(/id="data">([^]*?)<\/script>/)[1];
	console.log(page);
	for (const [title, ...numbers] of table({ getElementById: () => ({ textContent: data }) }))
		console.log([title, ...numbers.map((text) => text.replaceAll(',', '').replace(' %', '%'))].join('\t'));
}
