// Instances for the tests of the API: made by the command line, served on a free port, asked by fetch().
// Every answer is held against openapi.yaml on the way.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const loyald = join(root, 'build', process.env.FLAVOUR || 'debug', 'loyald');
export const openapi = JSON.parse(readFileSync(join(root, 'openapi.yaml'), 'utf8'));
export const psql = process.env.PSQL || '/usr/lib/postgresql/15/bin/psql';

// The databases to test on: SQLite always, PostgreSQL where a server is named.
export const databases = process.env.LOYALD_TEST_PG ? ['sqlite', 'postgres'] : ['sqlite'];

// describe() once for each database, with an instance made before and ended after.
export function onEach(name, options, body) {
  for (const database of databases) {
    describe(`${name} (${database})`, () => body(new Instance(database, options)));
  }
}

export const program = {
  name: 'Shop', currency: 'EUR', timezone: 'Europe/Amsterdam', unknown_members: 'enrol',
  stores: [{ slug: 'ams-1', name: 'Amsterdam' }],
  wallets: [
    { slug: 'points', pending: { kind: 'days', days: 14 }, expiry: { kind: 'months', months: 12 },
      pay: { points: 100, amount: 100, min_points: 100, max_share: '1' } },
    { slug: 'stars' },
  ],
  event_types: [{ type: 'app.checkin', schema: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'], additionalProperties: false } }],
  earning_rules: [
    { slug: 'base', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'points', points: 1, per_amount: 100 }] },
    { slug: 'large', trigger: 'purchase', when: { '>=': [{ var: 'event.amount' }, 10000] }, effects: [{ kind: 'earn', wallet: 'stars', points: 5 }] },
    { slug: 'green', trigger: 'purchase', when: { '==': [{ var: 'event.attributes.bag' }, 'own'] }, effects: [{ kind: 'earn', wallet: 'stars', points: 1 }] },
    { slug: 'checkin', trigger: 'app.checkin', effects: [{ kind: 'earn', wallet: 'stars', points: 2 }] },
  ],
  tier_sets: [{
    slug: 'main', metrics: { spend: { kind: 'spend' } }, period: { kind: 'rolling_months', months: 12 }, downgrade: { kind: 'one_step' },
    tiers: [{ slug: 'bronze' }, { slug: 'silver', enter: { any_of: [{ spend: 20000 }] } }],
  }],
};

export class Instance {
  constructor(database, { testClock = true, document = program, scopes = 'all' } = {}) {
    this.dir = mkdtempSync(join(tmpdir(), 'loyald-api-'));
    this.database = database;
    this.env = { PATH: process.env.PATH, LOYALD_KEYS: join(this.dir, 'keys.db'), LOYALD_KEY_FILE: join(this.dir, 'master.key') };
    this.env.LOYALD_DATABASE = database === 'sqlite' ? join(this.dir, 'loyald.db') : this.createDatabase();
    this.run('init', ...(testClock ? ['--test-clock'] : []));
    if (document) {
      writeFileSync(join(this.dir, 'program.json'), JSON.stringify(document));
      this.run('program', 'publish', join(this.dir, 'program.json'));
    }
    this.key = this.createKey('test', scopes);
    after(() => this.close());
  }

  createDatabase() {
    const url = new URL(process.env.LOYALD_TEST_PG);
    const name = `api_${process.pid}_${Math.random().toString(36).slice(2, 10)}`;
    const made = spawnSync(psql, ['-q', '-c', `CREATE DATABASE ${name}`, url.href], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    url.pathname = `/${name}`;
    this.dropDatabase = () => {
      url.pathname = '/postgres';
      spawnSync(psql, ['-q', '-c', `DROP DATABASE ${name} WITH (FORCE)`, url.href]);
    };
    return url.href;
  }

  // A command; returns what it wrote to standard output.
  run(...words) {
    const result = this.try(...words);
    assert.equal(result.status, 0, `loyald ${words.join(' ')}: ${result.stderr}`);
    return result.stdout;
  }

  try(...words) {
    return spawnSync(loyald, words, { env: this.env, encoding: 'utf8', cwd: this.dir, timeout: 30000 });
  }

  createKey(name, scopes, ...more) {
    const made = JSON.parse(this.run('key', 'create', '--name', name, '--scopes', scopes, '--json', ...more));
    return made.key;
  }

  // Serves; resolves once it is ready.
  async serve(...words) {
    this.log = '';
    this.process = spawn(loyald, ['serve', ...(words.includes('--listen') ? [] : ['--listen', '127.0.0.1:0']), ...words], { env: this.env, cwd: this.dir });
    this.ended = new Promise((resolve) => this.process.on('exit', (code, signal) => resolve(signal || code)));
    this.process.stderr.on('data', (text) => { this.log += text; });
    const port = await new Promise((resolve, reject) => {
      let text = '';
      this.process.stdout.on('data', (piece) => {
        text += piece;
        const match = /port (\d+)\n/.exec(text);
        if (match) resolve(match[1]);
      });
      this.process.on('exit', (code) => reject(new Error(`loyald serve ended with ${code}: ${this.log}`)));
    });
    this.url = `http://127.0.0.1:${port}`;
    return this;
  }

  async stop() {
    if (this.process && this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGTERM');
    }
    const code = await this.ended;
    this.process = null;
    return code;
  }

  async close() {
    if (this.process) await this.stop();
    const verified = this.try('verify'); // whatever a test did, the books are sound afterwards
    if (this.dropDatabase) this.dropDatabase();
    rmSync(this.dir, { recursive: true, force: true });
    assert.equal(verified.status, 0, verified.stdout + verified.stderr);
  }

  // One request. `body` is sent as JSON unless it is text. Answers {status, headers, text, body}.
  async ask(method, path, body, { key = this.key, headers = {}, type = 'application/json' } = {}) {
    const sent = { ...headers };
    if (key) sent.authorization = `Bearer ${key}`;
    if (body !== undefined && type) sent['content-type'] = type;
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(this.url + path, { method, headers: sent, body: text });
    const answer = { status: response.status, headers: response.headers, text: await response.text() };
    if (/json/.test(response.headers.get('content-type') || '')) answer.body = JSON.parse(answer.text);
    this.transcript = (this.transcript || '') + answer.text;
    conforms(method, path, answer);
    return answer;
  }

  get(path, options) { return this.ask('GET', path, undefined, options); }
  post(path, body, options) { return this.ask('POST', path, body, options); }
  event(event, query = '', options) { return this.post(`/v1/events${query}`, event, options); }

  async balance(member, wallet = 'points') {
    const { body } = await this.get(`/v1/members/${encodeURIComponent(member)}/balances`);
    return body.data.find((b) => b.wallet === wallet);
  }
}

// A purchase that is fine; `more` goes over data, `envelope` over the event.
let number = 0;
export function purchase(more = {}, envelope = {}) {
  return {
    specversion: '1.0', id: `order-${++number}`, source: 'pos/7', type: 'purchase', time: '2026-01-01T00:00:00Z', subject: 'ext:C-42',
    data: { amount: 4550, currency: 'EUR', ...more }, ...envelope,
  };
}

export function problem(answer, status, code, pointer) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  assert.equal(answer.body.code, code, answer.text);
  assert.equal(answer.body.status, status);
  assert.match(answer.body.request_id, /^req_/);
  if (pointer !== undefined) {
    assert.ok((answer.body.errors || []).some((e) => e.pointer === pointer), `${pointer} is not among ${answer.text}`);
  }
}

// ---- openapi.yaml ----

// The path and operation that a request meets, or null.
export function operation(method, path) {
  const parts = path.split('?')[0].split('/');
  for (const [pattern, operations] of Object.entries(openapi.paths)) {
    const wanted = pattern.split('/');
    if (wanted.length === parts.length && wanted.every((w, i) => w === parts[i] || (w.startsWith('{') && parts[i] !== ''))) {
      const exact = openapi.paths[path.split('?')[0]];
      return (exact || operations)[method.toLowerCase()] || null;
    }
  }
  return null;
}

function follow(schema) {
  return schema.$ref ? schema.$ref.slice(2).split('/').reduce((at, name) => at[name], openapi) : schema;
}

const kinds = {
  object: (v) => v !== null && typeof v === 'object' && !Array.isArray(v),
  array: Array.isArray,
  string: (v) => typeof v === 'string',
  integer: Number.isInteger,
  boolean: (v) => typeof v === 'boolean',
  null: (v) => v === null,
};

// The first fault of a value under a schema, or null: the part of JSON Schema that openapi.yaml uses.
export function fault(given, value, at = '') {
  const schema = follow(given);
  if (schema.anyOf) {
    const faults = schema.anyOf.map((one) => fault(one, value, at));
    return faults.includes(null) ? null : faults.at(-1);
  }
  if (schema.type && !kinds[schema.type](value)) return `${at}: not ${schema.type}`;
  if ('const' in schema && schema.const !== value) return `${at}: not ${schema.const}`;
  if (schema.enum && !schema.enum.includes(value)) return `${at}: ${value} is not listed`;
  if (schema.pattern && !new RegExp(schema.pattern).test(value)) return `${at}: ${value} does not match`;
  if (schema.format === 'date-time' && Number.isNaN(Date.parse(value))) return `${at}: no instant`;
  if (schema.type === 'array') {
    for (const [i, item] of value.entries()) {
      const found = schema.items && fault(schema.items, item, `${at}/${i}`);
      if (found) return found;
    }
  }
  if (schema.type !== 'object') return null;
  for (const name of schema.required || []) if (!(name in value)) return `${at}/${name}: missing`;
  for (const [name, item] of Object.entries(value)) {
    const known = (schema.properties || {})[name];
    if (!known && schema.additionalProperties === false) return `${at}/${name}: not described`;
    const found = known && fault(known, item, `${at}/${name}`);
    if (found) return found;
  }
  return null;
}

function conforms(method, path, answer) {
  const described = operation(method, path);
  if (!described) return;
  const response = described.responses[answer.status];
  assert.ok(response || [413, 431, 414, 405, 415, 400, 500].includes(answer.status), `${method} ${path}: ${answer.status} is not described: ${answer.text}`);
  const type = (answer.headers.get('content-type') || '').split(';')[0];
  if (!response || !/json/.test(type)) return;
  const content = follow(response).content[type];
  assert.ok(content, `${method} ${path}: ${answer.status} as ${type} is not described`);
  assert.equal(fault(content.schema, answer.body), null, `${method} ${path}: ${answer.text.slice(0, 2000)}`);
}
