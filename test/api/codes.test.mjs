// Redemption codes: each use counts once, whoever is first; guessing is stopped.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { onEach, problem } from './harness.mjs';

const document = {
  name: 'Shop', currency: 'EUR', unknown_members: 'enrol', wallets: [{ slug: 'points' }],
  redemption_codes: [
    { slug: 'pack', codes: 'pool', uses: 3, effects: [{ kind: 'earn', wallet: 'points', points: 10 }] },
    { slug: 'first-five', codes: 'fixed', code: 'FIVE', uses: 5, effects: [{ kind: 'earn', wallet: 'points', points: 1 }] },
  ],
};
let number = 0;
const entered = (member, code) => ({ specversion: '1.0', id: `code-${++number}`, source: 'app', type: 'code.entered', time: '2026-01-01T00:00:00Z', subject: `ext:${member}`, data: { code } });
const plain = { type: 'text/plain' };

onEach('redemption codes', { document }, (shop) => {
  before(() => shop.serve());

  test('a code with three uses has three, however many enter it at once', async () => {
    await shop.post('/v1/redemption-codes/pack/codes', 'TRIPLE\nOTHER\n', plain);
    const asked = await Promise.all(Array.from({ length: 32 }, (_, i) => shop.event(entered(`m${i}`, 'triple'))));
    assert.equal(asked.filter((a) => a.body.outcome === 'applied').length, 3);
    for (const a of asked) if (a.body.outcome !== 'applied') assert.equal(a.body.reason, 'code_used');
  });

  test('a batch counts uses one after the other', async () => {
    const list = Array.from({ length: 5 }, (_, i) => entered(`b${i}`, 'OTHER'));
    const { body } = await shop.post('/v1/events/batch', list);
    assert.deepEqual(body.results.map((r) => r.body.outcome), ['applied', 'applied', 'applied', 'refused', 'refused']);
  });

  test('a fixed code may be limited for all together', async () => {
    const asked = await Promise.all(Array.from({ length: 16 }, (_, i) => shop.event(entered(`f${i}`, 'five'))));
    assert.equal(asked.filter((a) => a.body.outcome === 'applied').length, 5);
  });

  test('after ten wrong codes a day nothing is accepted any more, until the next day', async () => {
    for (let i = 0; i < 10; i++) assert.equal((await shop.event(entered('guesser', `WRONG-${i}`))).body.reason, 'unknown_code');
    await shop.post('/v1/redemption-codes/pack/codes', 'RIGHT\n', plain);
    assert.equal((await shop.event(entered('guesser', 'RIGHT'))).body.reason, 'too_many_attempts');
    await shop.post('/v1/test/clock', { now: '2026-01-02T00:00:00Z' });
    assert.equal((await shop.event({ ...entered('guesser', 'RIGHT'), time: '2026-01-02T00:00:00Z' })).body.outcome, 'applied');
  });

  test('a long file goes in whole: each code once, the later of two is the duplicate, in whatever part of the file it stands', async () => {
    const codes = Array.from({ length: 12000 }, (_, i) => `LONG-${i}-${(i * 7919) % 10007}`);
    const lines = ['code', ...codes, '', 'not a code', codes[0], codes[11999].toLowerCase(), codes[6000].replaceAll('-', '')];
    const { status, body } = await shop.post('/v1/redemption-codes/pack/codes', lines.join('\n'), plain);
    assert.equal(status, 201);
    assert.deepEqual([body.added, body.duplicates, body.rejected], [12000, 3, 1]);
    assert.deepEqual([body.duplicate_lines, body.rejected_lines], [[12004, 12005, 12006], [12003]]);
    const again = (await shop.post('/v1/redemption-codes/pack/codes', codes.join('\n'), plain)).body;
    assert.deepEqual([again.added, again.duplicates, again.duplicate_lines.length, again.duplicate_lines[0]], [0, 12000, 1000, 1]);
    for (const i of [0, 4999, 5000, 11999]) assert.equal((await shop.event(entered('long', codes[i]))).body.outcome, 'applied');
  });

  test('a file of too many lines is refused whole', async () => {
    problem(await shop.post('/v1/redemption-codes/pack/codes', '\n'.repeat(2000001), plain), 413, 'too_large');
  });

  test('a fixed code has nothing to upload, an unknown one neither', async () => {
    problem(await shop.post('/v1/redemption-codes/first-five/codes', 'A\n', plain), 404, 'not_found');
    problem(await shop.post('/v1/redemption-codes/none/generate', { count: 1 }), 404, 'not_found');
    problem(await shop.post('/v1/redemption-codes/pack/generate', { count: 0 }), 422, 'invalid', '/count');
  });
});
