// Subscriptions: read page by page, over a restart, after their member was forgotten.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { onEach, problem, program } from './harness.mjs';

const document = {
  ...program,
  earning_rules: [...program.earning_rules, { slug: 'faithful', trigger: 'subscription.month_kept', effects: [{ kind: 'earn', wallet: 'stars', points: 10 }] }],
};

onEach('subscriptions', { document }, (shop) => {
  let sent = 0;
  before(() => shop.serve());
  const send = (type, data, more = {}) =>
    shop.post('/v1/events', { specversion: '1.0', id: `s-${sent++}`, source: 'billing', type: `subscription.${type}`, subject: 'ext:M', time: '2026-01-01T00:00:00Z', data, ...more });
  const listed = async (query = '') => (await shop.get(`/v1/members/ext:M/subscriptions${query}`)).body;

  test('a member has many, read newest first, page by page', async () => {
    assert.equal((await shop.post('/v1/members', { external_id: 'M' })).status, 201);
    for (let i = 0; i < 5; i++) {
      const { status, body, text } = await send('started', { subscription: `L-${i}`, plan: i % 2 ? 'fibre' : 'dsl' });
      assert.equal(status, 201, text);
      assert.equal(body.outcome, 'applied');
    }
    assert.deepEqual((await listed()).data.map((s) => s.subscription), ['L-4', 'L-3', 'L-2', 'L-1', 'L-0']);
    const first = await listed('?limit=2');
    const second = await listed(`?limit=2&cursor=${first.next_cursor}`);
    const third = await listed(`?limit=2&cursor=${second.next_cursor}`);
    assert.deepEqual([...first.data, ...second.data, ...third.data].map((s) => s.subscription), ['L-4', 'L-3', 'L-2', 'L-1', 'L-0']);
    assert.equal(third.next_cursor, null);
    assert.deepEqual(first.data[1], {
      subscription: 'L-3', plan: 'fibre', state: 'active', start: '2026-01-01', months_kept: 0, months_owed: 0, months_paid_ahead: 0,
      month_ends_at: first.data[1].month_ends_at,
    });
  });

  test('what was sent before is replayed, what runs is not started again', async () => {
    sent = 0;
    const again = await send('started', { subscription: 'L-0', plan: 'dsl' });
    assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [200, 'true']);
    sent = 5;
    const twice = await send('started', { subscription: 'L-0', plan: 'dsl' });
    assert.deepEqual([twice.body.outcome, twice.body.reason], ['refused', 'subscription_runs']);
  });

  test('faults are named where they are', async () => {
    problem(await send('started', {}), 422, 'invalid', '/data/subscription');
    problem(await send('changed', { subscription: 'L-0' }), 422, 'invalid', '/data/plan');
    problem(await send('paid', { subscription: 'L-0', months: 0 }), 422, 'invalid', '/data/months');
    problem(await send('paused', { subscription: 'L-0', plan: 'x' }), 422, 'unknown_field', '/data/plan');
    problem(await send('started', { subscription: 'L-9', start: 'soon' }), 422, 'invalid', '/data/start');
    problem(await send('month_kept', { subscription: 'L-0' }), 422, 'unknown_type', '/type');
  });

  test('months are kept over a restart, once each', async () => {
    await shop.stop();
    await shop.serve();
    await shop.post('/v1/test/clock', { now: '2026-03-02T00:00:00Z' });
    assert.deepEqual((await listed()).data.map((s) => s.months_kept), [2, 2, 2, 2, 2]);
    const { data } = (await shop.get('/v1/members/ext:M/timeline?limit=100')).body;
    const kept = data.filter((e) => e.type === 'subscription.month_kept').map((e) => `${e.subscription} ${e.time}`);
    const first = '2026-01-31T23:00:00.000Z';
    const second = '2026-02-28T23:00:00.000Z';
    assert.deepEqual(kept.sort(), [0, 1, 2, 3, 4].flatMap((i) => [`L-${i} ${first}`, `L-${i} ${second}`]));
    shop.run('verify'); // throws where anything is wrong
  });

  test('of a forgotten member nothing is left to count', async () => {
    const { body } = await shop.get('/v1/members/ext:M');
    const gone = await shop.ask('DELETE', `/v1/members/${body.id}`);
    assert.ok(gone.status === 204 || gone.status === 200, gone.text);
    await shop.post('/v1/test/clock', { now: '2026-06-02T00:00:00Z' });
    shop.run('verify');
  });
});
