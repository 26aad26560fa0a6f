// Events that meet their member coming or going at the same moment: PostgreSQL books for several lanes at once.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { onEach, purchase } from './harness.mjs';

const document = {
  name: 'Shop', currency: 'EUR', timezone: 'UTC', unknown_members: 'hold', wallets: [{ slug: 'points' }],
  earning_rules: [{ slug: 'base', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'points', points: 1, per_amount: 100 }] }],
};
const ROUNDS = 60;
const EVENTS = 2;

onEach('an event and its member at the same moment', { document }, (shop) => {
  let n = 0;
  const key = () => ({ headers: { 'idempotency-key': `k-${n += 1}` } });
  const buy = (subject, id) => shop.event(purchase({ amount: 100 }, { id, subject }));
  const all = (subject, id) => Array.from({ length: EVENTS }, (_, i) => buy(subject, `${id}-${i}`));
  const told = async (subject) => (await shop.get(`/v1/members/${subject}/timeline?limit=100`)).body.data.filter((e) => e.type === 'purchase').map((e) => e.external_id).toSorted();
  before(() => shop.serve('--rate-percent', '10000'));

  test('what is sent while somebody joins is theirs, before or after', async () => {
    for (let i = 0; i < ROUNDS; i += 1) {
      const [joined] = await Promise.all([shop.post('/v1/members', { external_id: `J-${i}` }, key()), ...all(`ext:J-${i}`, `join-${i}`)]);
      assert.equal(joined.status, 201, joined.text);
      assert.deepEqual(await told(`ext:J-${i}`), Array.from({ length: EVENTS }, (_, k) => `join-${i}-${k}`));
    }
  });

  test('what is sent while a member is given an identifier is theirs', async () => {
    const { id } = (await shop.post('/v1/members', { external_id: 'OLD' }, key())).body;
    for (let i = 0; i < ROUNDS; i += 1) {
      const [changed] = await Promise.all([shop.ask('PATCH', `/v1/members/${id}`, { external_id: `P-${i}` }, key()), ...all(`ext:P-${i}`, `patch-${i}`)]);
      assert.equal(changed.status, 200, changed.text);
    }
    const events = await everything(`/v1/members/${id}/timeline`);
    assert.equal(events.filter((e) => e.type === 'purchase').length, ROUNDS * EVENTS);
  });

  test('what is sent while a member is forgotten is theirs or a stranger\'s, and never refused', async () => {
    for (let i = 0; i < ROUNDS; i += 1) {
      const { id } = (await shop.post('/v1/members', { external_id: `F-${i}` }, key())).body;
      const [gone, ...answers] = await Promise.all([shop.ask('DELETE', `/v1/members/${id}`, undefined, key()), ...all(`ext:F-${i}`, `forget-${i}`)]);
      assert.equal(gone.status, 200, gone.text);
      for (const answer of answers) assert.ok(['applied', 'held'].includes(answer.body.outcome), answer.text);
    }
  });

  async function everything(path) {
    const list = [];
    for (let cursor = ''; cursor !== null;) {
      const { body } = await shop.get(`${path}?limit=100${cursor && `&cursor=${cursor}`}`);
      list.push(...body.data);
      cursor = body.next_cursor;
    }
    return list;
  }
});
