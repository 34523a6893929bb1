#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// perfetto.mjs - query a trace with the web build of Perfetto's own trace processor.
//
// usage: node perfetto.mjs FOLDER TRACE SQL
//
// FOLDER, which scripts/hyperscope setup readers makes, has trace_processor.wasm, engine_bundle.node.js (which
// starts it in a web worker) and engine.mjs (which talks to it). Prints one JSON array per row.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInThisContext } from 'node:vm';

const CHUNK = 16 << 20;
const [folder, trace, sql] = process.argv.slice(2).map((word, i) => (i < 2 ? resolve(word) : word));
if (!sql) {
	console.error('usage: node perfetto.mjs FOLDER TRACE SQL');
	process.exit(2);
}

// Perfetto's own messages go to standard error, because standard output is for the answer.
console.log = console.info = console.warn = console.error;

// The globals that a web worker expects. Every XMLHttpRequest is for trace_processor.wasm.
function define(name, value) {
	Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}
define('self', globalThis);
define('WorkerGlobalScope', function WorkerGlobalScope() {});
define('location', { href: pathToFileURL(folder).href + '/' });
define('XMLHttpRequest', class {
	open() {}
	send() {
		this.response = readFileSync(folder + '/trace_processor.wasm');
	}
});

// Perfetto tests whether 64-bit memory is supported by compiling a module that consists of such a memory. Make
// that fail, because its 64-bit build is not in FOLDER.
const { Module } = WebAssembly;
const MEMORY_SECTION = 5, HEADER = 8, ASKS_64 = 4;
WebAssembly.Module = class extends Module {
	constructor(bytes) {
		if (bytes[HEADER] === MEMORY_SECTION && bytes[HEADER + 3] === ASKS_64)
			throw new Error('memory of 32 bits only');
		super(bytes);
	}
};

runInThisContext(readFileSync(folder + '/engine_bundle.node.js', 'utf8'));
const { EngineBase } = await import(pathToFileURL(folder + '/engine.mjs').href);
const { port1, port2 } = new MessageChannel();
globalThis.onmessage({ data: port1 });

class Engine extends EngineBase {
	id = 'perfetto.mjs';
	mode = 'WASM';
	rpcSendRequestBytes(data) {
		port2.postMessage(data);
	}
}
const engine = new Engine();
port2.onmessage = message => engine.onRpcResponseBytes(message.data);

const bytes = readFileSync(trace);
for (let at = 0; at < bytes.length; at += CHUNK)
	await engine.parse(new Uint8Array(bytes.subarray(at, at + CHUNK)));
await engine.notifyEof();

const answer = await engine.query(sql);
const columns = answer.columns();
let lines = '';
for (const row = answer.iter({}); row.valid(); row.next()) {
	const cells = columns.map(c => row.get(c));
	lines += JSON.stringify(cells, (_, v) => (typeof v === 'bigint' ? String(v) : v)) + '\n';
}
process.stdout.write(lines, () => process.exit(0));
