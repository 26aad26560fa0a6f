// The commands that make and keep an instance, and what an auditor can check without loyald.
import { spawnSync } from 'node:child_process';
import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { loyald, program } from './harness.mjs';

let dir;
const made = [];
function run(...words) {
  const input = typeof words.at(-1) === 'object' ? words.pop().input : undefined;
  const ran = spawnSync(loyald, words, { cwd: dir, env: { PATH: process.env.PATH }, encoding: 'utf8', input });
  return { code: ran.status, out: ran.stdout, talk: ran.stderr };
}
function fine(...words) {
  const ran = run(...words);
  assert.equal(ran.code, 0, `${words.join(' ')}: ${ran.talk}`);
  return ran.out;
}
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'loyald-cli-'));
  made.push(dir);
});
after(() => made.forEach((path) => rmSync(path, { recursive: true, force: true })));

// ---- docs/audit.md, read by somebody else ----

const number = (value, bytes) => {
  const out = Buffer.alloc(bytes);
  if (bytes === 8) out.writeBigInt64BE(BigInt(value));
  else out.writeUIntBE(value, 0, bytes);
  return out;
};
const text = (value) => Buffer.concat([number(Buffer.byteLength(value), 4), Buffer.from(value)]);
const commitment = (hex) => (hex === null ? number(0, 1) : Buffer.concat([number(1, 1), Buffer.from(hex, 'hex')]));

// The seq of the first entry that is wrong, or null; and the hash of each.
function checkChain(lines) {
  const hashes = ['00'.repeat(32)];
  for (const [i, e] of lines.entries()) {
    const bytes = Buffer.concat([
      number(1, 1), Buffer.from(hashes[i], 'hex'), number(e.seq, 8), number(Date.parse(e.at), 8), text(e.actor),
      text(e.action), text(e.object), commitment(e.before), commitment(e.after)]);
    const hash = createHash('sha256').update(bytes).digest('hex');
    if (e.seq !== i + 1 || hash !== e.hash) return { wrong: i + 1 };
    hashes.push(hash);
  }
  return { wrong: null, hashes };
}
function checkCheckpoint(c, hashes) {
  const key = createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(c.public_key, 'hex')]), format: 'der', type: 'spki' });
  const signed = `loyald.audit.checkpoint/1\n${c.instance}\n${c.size}\n${c.head}\n${c.at}\n`;
  return verifySignature(null, Buffer.from(signed), key, Buffer.from(c.signature, 'hex')) && hashes[c.size] === c.head;
}
const entries = () => fine('audit', 'export').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));

test('init makes an instance that nobody else can read, and twice is harmless', () => {
  fine('init', '--preset', 'retail');
  assert.equal(statSync(join(dir, 'var')).mode & 0o777, 0o700);
  assert.equal(statSync(join(dir, 'var/master.key')).mode & 0o777, 0o400);
  assert.equal(statSync(join(dir, 'var/loyald.db')).mode & 0o777, 0o600);
  const before = fine('program', 'show');
  const key = readFileSync(join(dir, 'var/master.key'));
  fine('init', '--preset', 'retail');
  assert.equal(fine('program', 'show'), before);
  assert.deepEqual(readFileSync(join(dir, 'var/master.key')), key);
  assert.deepEqual(entries().map((e) => e.action), ['instance.init', 'program.publish']);
});

test('an unknown preset makes nothing', () => {
  const ran = run('init', '--preset', 'nonsense');
  assert.equal(ran.code, 2);
  assert.match(ran.talk, /retail/);
  assert.ok(!existsSync(join(dir, 'var')));
});

test('commands without an instance say what to do', () => {
  for (const words of [['key', 'list'], ['program', 'show'], ['audit', 'export'], ['clock', 'set', '2026-02-01T00:00:00Z']]) {
    const ran = run(...words);
    assert.notEqual(ran.code, 0, words.join(' '));
    assert.ok(ran.talk.length > 10);
    assert.equal(ran.out, '');
  }
  assert.equal(run('verify').code, 2);
});

test('a key file that others can read is refused with exit code 2', () => {
  fine('init');
  chmodSync(join(dir, 'var/master.key'), 0o644);
  const before = readFileSync(join(dir, 'var/loyald.db'));
  assert.equal(run('key', 'list').code, 2);
  assert.deepEqual(readFileSync(join(dir, 'var/loyald.db')), before);
});

test('keys are shown once, listed without their secret, and revoked', () => {
  fine('init');
  const made = JSON.parse(fine('key', 'create', '--name', 'till', '--scopes', 'events:write,members:read', '--expires', '2030-01-31', '--json'));
  assert.match(made.key, /^lk_[0-9a-z]{52}$/);
  assert.equal(made.expires_at, '2030-02-01T00:00:00.000Z');
  assert.deepEqual(made.scopes, ['events:write', 'members:read']);
  const listed = fine('key', 'list');
  assert.ok(!listed.includes(made.key));
  assert.ok(!readFileSync(join(dir, 'var/loyald.db')).includes(made.key));
  fine('key', 'revoke', made.id);
  assert.notEqual(JSON.parse(fine('key', 'list')).revoked_at, null);
  assert.equal(run('key', 'create', '--name', 'x', '--scopes', 'root').code, 2);
  assert.equal(run('key', 'create', '--scopes', 'all').code, 2);
  assert.equal(run('key', 'create', '--name', 'x', '--scopes', 'all', '--expires', '2001-01-01').code, 1);
  assert.equal(run('key', 'revoke', 'key_0000000000000').code, 1);
  assert.deepEqual(entries().map((e) => e.action), ['instance.init', 'key.create', 'key.revoke']);
});

test('programs are validated, published and shown', () => {
  fine('init');
  writeFileSync(join(dir, 'p.json'), JSON.stringify(program));
  fine('program', 'validate', 'p.json');
  const bad = run('program', 'validate', '-', { input: '{"name":"x","currency":"EUR","wallets":[{"slug":"A B"}]}' });
  assert.equal(bad.code, 1);
  assert.match(bad.talk, /\/wallets\/0\/slug/);
  assert.deepEqual(JSON.parse(fine('program', 'publish', 'p.json', '--json')), { version: 1 });
  assert.deepEqual(JSON.parse(fine('program', 'publish', 'p.json', '--comment', 'again', '--json')), { version: 2 });
  assert.deepEqual(JSON.parse(fine('program', 'show', '1')), program);
  assert.equal(run('program', 'show', '3').code, 1);
  assert.equal(entries().at(-1).object, 'program/2');
});

test('the clock moves only forward, and only on a test instance', () => {
  fine('init', '--test-clock');
  fine('clock', 'set', '2026-02-01T00:00:00Z');
  assert.deepEqual(entries().at(-1).action, 'clock.set');
  const n = entries().length;
  assert.equal(run('clock', 'set', '2026-01-31T00:00:00Z').code, 1);
  assert.equal(entries().length, n, 'what was refused is not in the audit log');
  assert.equal(run('clock', 'set', 'tomorrow').code, 2);
});

test('an auditor with the documentation alone agrees with the product', () => {
  fine('init', '--preset', 'retail');
  const first = JSON.parse(fine('audit', 'checkpoint'));
  for (let i = 0; i < 5; i++) fine('key', 'create', '--name', `k${i}`, '--scopes', 'all');
  writeFileSync(join(dir, 'saved'), `${JSON.stringify(first)}\n${fine('audit', 'checkpoint')}`);
  const lines = entries();
  const chain = checkChain(lines);
  assert.equal(chain.wrong, null);
  for (const line of readFileSync(join(dir, 'saved'), 'utf8').trim().split('\n')) assert.ok(checkCheckpoint(JSON.parse(line), chain.hashes));
  fine('audit', 'verify', '--since', 'saved');
  assert.equal(JSON.parse(fine('audit', 'verify', '--json')).sound, true);
  const changed = structuredClone(lines);
  changed[3].actor = 'nobody';
  assert.equal(checkChain(changed).wrong, 4);
  // The end cut off, the head with it: only the saved checkpoint knows.
  const sql = spawnSync('sqlite3', [join(dir, 'var/loyald.db'),
    `DELETE FROM audit WHERE seq > 4; UPDATE instance SET audit_seq = 4, audit_hash = '${lines[3].hash}'`]);
  if (sql.error) return; // no sqlite3 here
  assert.equal(run('audit', 'verify').code, 0);
  const ran = run('audit', 'verify', '--since', 'saved', '--json');
  assert.equal(ran.code, 1);
  assert.equal(JSON.parse(ran.out).faults[0].seq, 5);
});

test('a life that does not fit the program is refused before anybody is enrolled, and says what to do', () => {
  fine('init', '--preset', 'retail');
  const members = () => JSON.parse(fine('verify', '--json')).checked.members;
  for (const life of ['telecom', 'airline', 'banking', 'hospitality', 'e-commerce']) {
    const { code, talk } = run('demo', '--life', life, '--members', '50', '--days', '200');
    assert.notEqual(code, 0, life);
    assert.match(talk, new RegExp(`Nothing was booked.*preset.*init --preset ${life}`), life);
    assert.equal(members(), 0, life);
  }
  fine('demo', '--members', '20', '--days', '60');
  const another = run('demo', '--members', '20', '--days', '90');
  assert.notEqual(another.code, 0);
  assert.match(another.talk, /event_conflict.*another life of these people.*Nothing was booked.*--seed/);
  assert.doesNotMatch(another.talk, /preset/);
  assert.equal(JSON.parse(fine('demo', '--members', '20', '--days', '60')).booked, 0);
  assert.ok(JSON.parse(fine('demo', '--members', '20', '--days', '60', '--seed', '2')).booked > 0);
  assert.equal(members(), 20);
});

test('verify tells sound books from damaged ones by its exit code', () => {
  fine('init', '--preset', 'retail');
  fine('demo', '--members', '30', '--days', '60', '--seed', '7');
  const sound = JSON.parse(fine('verify', '--json'));
  assert.equal(sound.sound, true);
  assert.equal(sound.checked.members, 30);
  const sql = spawnSync('sqlite3', [join(dir, 'var/loyald.db'), 'UPDATE transfer SET points = points + 1 WHERE transfer_id = (SELECT max(transfer_id) FROM transfer)']);
  if (sql.error) return; // no sqlite3 here
  const ran = run('verify', '--json');
  assert.equal(ran.code, 1);
  const report = JSON.parse(ran.out);
  assert.equal(report.sound, false);
  assert.ok(report.violations.some((v) => v.table === 'transfer' && v.row.startsWith('trf_')));
});
