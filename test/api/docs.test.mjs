// The examples in docs/: each page with a block "json program" is run from top to bottom against an instance with that program.
// A block "http" is a request (method, path and headers, body), an empty line, the status, and a part of the answer. In later
// requests {{name}} stands for what an earlier answer had where it says "{{name}}".
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { onEach, root } from './harness.mjs';

const folder = join(root, 'docs');

function blocks(text) {
  return [...text.matchAll(/^```(json program|http)\n(.*?)^```$/gms)].map(([, kind, body]) => ({ kind, body }));
}

// Replaces {{name}} by what was kept.
function filled(text, kept) {
  return text.replace(/\{\{([a-z_]+)\}\}/g, (all, name) => kept[name] ?? all);
}

// Holds a part of an answer against the whole, and keeps what stands at {{name}}.
function holds(part, whole, kept, at) {
  const name = typeof part === 'string' && /^\{\{([a-z_]+)\}\}$/.exec(part);
  if (name) {
    kept[name[1]] = whole;
    assert.notEqual(whole, undefined, `${at} is missing`);
  } else if (Array.isArray(part)) {
    assert.ok(Array.isArray(whole) && whole.length === part.length, `${at}: ${JSON.stringify(whole)}`);
    part.forEach((p, i) => holds(p, whole[i], kept, `${at}/${i}`));
  } else if (part !== null && typeof part === 'object') {
    for (const [key, value] of Object.entries(part)) holds(value, whole?.[key], kept, `${at}/${key}`);
  } else {
    assert.deepEqual(whole, part, at);
  }
}

async function run(shop, block, kept) {
  const [head, ...rest] = filled(block.body, kept).split('\n');
  const lines = rest.join('\n').trimEnd().split('\n');
  const cut = lines.findIndex((line) => /^\d{3}$/.test(line));
  assert.ok(cut >= 0, `${head} has no status`);
  const headers = {};
  let first = 0;
  for (let match; (match = /^([A-Za-z-]+): (.*)$/.exec(lines[first])); first++) headers[match[1].toLowerCase()] = match[2];
  const body = lines.slice(first, cut).join('\n').trim();
  const wanted = lines.slice(cut + 1).join('\n').trim();
  const [method, path] = head.split(' ');
  const type = headers['content-type'] || 'application/json';
  const answer = await shop.ask(method, path, body || undefined, { headers, type: body ? type : null });
  assert.equal(answer.status, Number(lines[cut]), `${head}: ${answer.text}`);
  if (wanted) holds(JSON.parse(wanted), answer.body, kept, head);
}

for (const page of readdirSync(folder).filter((name) => name.endsWith('.md'))) {
  const found = blocks(readFileSync(join(folder, page), 'utf8'));
  const program = found.find((block) => block.kind === 'json program');
  if (program) {
    onEach(`docs/${page}`, { document: JSON.parse(program.body) }, (shop) => {
      before(() => shop.serve());
      test('its examples are true', async () => {
        const kept = {};
        for (const block of found.filter((b) => b.kind === 'http')) await run(shop, block, kept);
      });
    });
  }
}
