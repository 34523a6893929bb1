// SPDX-License-Identifier: MIT
/*
 * shares.js - print the share of each row of a page's exit table, as the page's script computes it.
 *
 * usage: node shares.js REPORT_BASE_JS PAGE
 */
'use strict';

const fs = require('fs');

const [script, page] = process.argv.slice(2).map((path) => fs.readFileSync(path, 'utf8'));
const data = page.match(/<script type="application\/json" id="data">([^]*?)<\/script>/)[1];
const document = { getElementById: () => ({ textContent: data }) };
const [run, texts] = new Function('document', script + `
	return [RUNS[0], shares(RUNS[0].exits.map((row) => row.count))];`)(document);
run.exits.forEach((row, i) => console.log(row.title.slice(0, 23) + ' ' + texts[i]));
