// The verifier's WebAssembly in a real engine: no imports, and on every published vector the
// verdict of the native verifier. Called with the module and the folder of vectors.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { strict as assert } from "node:assert";

const [modulePath, vectors] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(modulePath));
assert.deepEqual(WebAssembly.Module.imports(module), [], "the module imports something");
const { exports } = new WebAssembly.Instance(module, {});

function fill(bytes) {
  const at = exports.input(bytes.length);
  new Uint8Array(exports.memory.buffer, at, bytes.length).set(bytes);
}

function told(length) {
  const text = new Uint8Array(exports.memory.buffer, exports.output(), length);
  return new TextDecoder("utf-8", { fatal: true }).decode(text);
}

function verify(bundle, anchors, now) {
  const document = new TextEncoder().encode(JSON.stringify(anchors));
  fill(Buffer.concat([bundle, document]));
  return JSON.parse(told(exports.verify(bundle.length, BigInt(now))));
}

let checked = 0;
for (const name of readdirSync(vectors).filter((name) => name.endsWith(".json"))) {
  const vector = JSON.parse(readFileSync(join(vectors, name), "utf-8"));
  if (vector.bundle === undefined) continue;
  const bundle = Buffer.from(vector.bundle, "hex");
  const { anchors_document: anchors, now_ms: now } = vector;
  const began = performance.now();
  const good = verify(bundle, anchors, now);
  const took = performance.now() - began;
  assert.equal(good.format, "cloister-verdict/1");
  // Evidence is not appraised here, and nothing else is wrong.
  assert.equal(good.items.length, vector.items.length);
  for (const item of good.items) {
    assert.equal(item.code, "evidence", `${name}: ${item.statement}`);
  }
  assert.equal(good.exit, 2);
  const cut = verify(bundle.subarray(0, bundle.length - 1), anchors, now);
  assert.equal(cut.exit, 3);
  for (let at = 0; at < bundle.length; at += 977) {
    const forged = Buffer.from(bundle);
    forged[at] ^= 1;
    assert.notEqual(verify(forged, anchors, now).exit, 0, `${name}: byte ${at}`);
  }
  fill(bundle);
  assert.match(told(exports.explain(bundle.length)), /Nothing is checked here/);
  assert.equal(verify(bundle, { pacts: [] }, now).code, "anchors-malformed");
  console.log(`   ${name}: ${good.items.length} items, ${took.toFixed(1)} ms`);
  checked += 1;
}
assert.ok(checked > 0, "there are no vectors");
assert.equal(exports.input(2 ** 31), 0, "more than any bundle has");
