// Events from the request to the balance.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { onEach, problem, purchase } from './harness.mjs';

const lines = [
  { id: '1', sku: 'BEANS', name: 'Beans', category: 'coffee', quantity: '2', amount: 3000, tax: 248 },
  { id: '2', sku: 'MUG', name: 'Mug', category: 'goods', quantity: 1, amount: 1550 },
];

onEach('events', {}, (shop) => {
  before(() => shop.serve());

  test('a purchase earns, its answer is complete, and the balance agrees', async () => {
    const event = purchase({ lines, payments: [{ method: 'card', amount: 4550 }], rewards: [], attributes: {} }, { subject: 'ext:C-1', id: 'first' });
    const answer = await shop.event(event);
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual(Object.keys(answer.body), ['event', 'member', 'outcome', 'points', 'balances', 'tiers', 'rewards', 'achievements', 'contests', 'messages', 'not_recovered']);
    assert.deepEqual({ ...answer.body.event, id: 0 }, { id: 0, source: 'pos/7', external_id: 'first', type: 'purchase', time: '2026-01-01T00:00:00.000Z' });
    assert.deepEqual(answer.body.points, [
      { wallet: 'points', earned: 45, pending: 45, spent: 0, revoked: 0 },
      { wallet: 'stars', earned: 0, pending: 0, spent: 0, revoked: 0 },
    ]);
    assert.deepEqual(answer.body.tiers, [{ set: 'main', tier: 'bronze', changed: false, valid_until: null,
      progress: { metric: 'spend', value: 4550, next: 'silver', needed: 15450 } }]);
    assert.deepEqual(await shop.balance('ext:C-1'), { wallet: 'points', active: 0, pending: 45, debt: 0, next_expiry: null });
  });

  test('the same event again gets the same bytes and changes nothing', async () => {
    const event = purchase({ lines }, { subject: 'ext:C-2' });
    const first = await shop.event(event);
    // Key order, spacing and the spelling of the instant do not matter.
    const again = JSON.stringify({ ...Object.fromEntries(Object.entries(event).reverse()), time: '2026-01-01T01:00:00+01:00', traceparent: 'x' }, null, 2);
    for (const body of [event, again]) {
      const replay = await shop.event(body);
      assert.equal(replay.status, 200);
      assert.equal(replay.headers.get('idempotency-replayed'), 'true');
      assert.equal(replay.text, first.text);
    }
    assert.equal(first.headers.get('idempotency-replayed'), null);
    assert.equal((await shop.balance('ext:C-2')).pending, 45);
  });

  test('the same key with other content is a conflict', async () => {
    const event = purchase({}, { subject: 'ext:C-3' });
    await shop.event(event);
    problem(await shop.event({ ...event, data: { ...event.data, amount: 4551 } }), 409, 'event_conflict');
    problem(await shop.event({ ...event, subject: 'ext:C-4' }), 409, 'event_conflict');
    problem(await shop.event({ ...event, time: '2026-01-01T00:00:01Z' }), 409, 'event_conflict');
    assert.equal((await shop.balance('ext:C-3')).pending, 45);
  });

  test('a purchase and its whole refund leave nothing', async () => {
    const event = purchase({ lines }, { subject: 'ext:C-5' });
    await shop.event(event);
    const part = await shop.event({ ...purchase(), type: 'refund', subject: 'ext:C-5', data: { original: { id: event.id }, lines: [{ id: '1', quantity: '1' }] } });
    assert.equal(part.status, 201, part.text);
    assert.equal(part.body.points[0].revoked, 15);
    const rest = await shop.event({ ...purchase(), type: 'refund', subject: 'ext:C-5', data: { original: { source: 'pos/7', id: event.id } } });
    assert.equal(rest.body.outcome, 'applied', rest.text);
    const { active, pending, debt } = await shop.balance('ext:C-5');
    assert.deepEqual({ active, pending, debt }, { active: 0, pending: 0, debt: 0 });
    const over = await shop.event({ ...purchase(), type: 'refund', subject: 'ext:C-5', data: { original: { id: event.id }, lines: [{ id: '2' }] } });
    assert.equal(over.status, 201);
    assert.equal(over.body.outcome, 'refused');
    assert.equal(over.body.reason, 'refund_exceeds');
  });

  test('a refund before its purchase is held and applied with it', async () => {
    const event = purchase({}, { subject: 'ext:C-6', id: 'late' });
    await shop.event(purchase({ amount: 100 }, { subject: 'ext:C-6' }));
    const early = await shop.event({ ...purchase(), type: 'refund', subject: 'ext:C-6', data: { original: { id: 'late' }, amount: 2275 } });
    assert.equal(early.body.outcome, 'held', early.text);
    assert.equal(early.body.reason, 'unknown_original');
    const answer = await shop.event(event);
    assert.equal((await shop.balance('ext:C-6')).pending, 1 + 22);
    assert.deepEqual([answer.body.points[0].earned, answer.body.balances[0].pending], [45, 1 + 22], 'its own points, the balance after the refund');
    assert.equal((await shop.event(event)).text, answer.text, 'for ever');
  });

  test('an order is placed, changed, completed', async () => {
    const placed = purchase({ status: 'placed', lines }, { subject: 'ext:C-7', id: 'o-7' });
    await shop.event(placed);
    const original = { source: 'pos/7', id: 'o-7' };
    const changed = await shop.event({ ...purchase(), type: 'purchase.changed', subject: 'ext:C-7', data: { original, amount: 3000, currency: 'EUR', lines: [lines[0]] } });
    assert.equal(changed.body.outcome, 'applied', changed.text);
    assert.equal((await shop.balance('ext:C-7')).pending, 30);
    const done = await shop.event({ ...purchase(), type: 'purchase.completed', subject: 'ext:C-7', data: { original } });
    assert.equal(done.body.outcome, 'applied', done.text);
    const cancelled = await shop.event({ ...purchase(), type: 'purchase.cancelled', subject: 'ext:C-7', data: { original } });
    assert.equal(cancelled.status, 201);
  });

  test('attributes, visits and custom events reach the rules', async () => {
    await shop.event(purchase({ attributes: { bag: 'own' } }, { subject: 'ext:C-8' }));
    await shop.event({ ...purchase(), type: 'visit', subject: 'ext:C-8', data: { store: 'ams-1' } });
    const custom = await shop.event({ ...purchase(), type: 'app.checkin', subject: 'ext:C-8', data: { place: 'bar' } });
    assert.equal(custom.status, 201, custom.text);
    assert.equal((await shop.balance('ext:C-8', 'stars')).active, 3);
    problem(await shop.event({ ...purchase(), type: 'app.checkin', subject: 'ext:C-8', data: { place: 1 } }), 422, 'invalid', '/data/place');
  });

  test('a purchase without subject is stored and earns nothing', async () => {
    const event = purchase();
    delete event.subject;
    const answer = await shop.event(event);
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.body.member, null);
    assert.equal(answer.body.outcome, 'applied');
    assert.equal((await shop.event(event)).text, answer.text);
    problem(await shop.event({ ...event, id: 'x-1', type: 'visit', data: {} }), 422, 'no_subject', '/subject');
  });

  test('paying in points spends them', async () => {
    await shop.post('/v1/members', { external_id: 'C-9' });
    await shop.post('/v1/members/ext:C-9/adjustments', { wallet: 'points', points: 500, reason: 'a start' });
    const paid = await shop.event(purchase({ amount: 1000, payments: [{ method: 'points', wallet: 'points', points: 300, amount: 300 }, { method: 'card', amount: 700 }] }, { subject: 'ext:C-9' }));
    assert.equal(paid.body.outcome, 'applied', paid.text);
    assert.deepEqual(paid.body.points[0], { wallet: 'points', earned: 7, pending: 7, spent: 300, revoked: 0 });
    const poor = await shop.event(purchase({ amount: 1000, payments: [{ method: 'points', wallet: 'points', points: 400, amount: 400 }] }, { subject: 'ext:C-9' }));
    assert.equal(poor.status, 201);
    assert.equal(poor.body.reason, 'not_enough_points');
  });

  test('a dry run answers alike and writes nothing', async () => {
    const event = purchase({ amount: 20000 }, { subject: 'ext:C-10' });
    const dry = await shop.event(event, '?dry_run=true');
    assert.equal(dry.status, 200, dry.text);
    assert.equal(dry.body.event.id, null);
    assert.equal(dry.body.member, null);
    assert.equal(dry.body.points[0].earned, 200);
    assert.equal((await shop.get('/v1/members/ext:C-10')).status, 404);
    const real = await shop.event(event);
    assert.equal(real.status, 201);
    assert.deepEqual({ ...dry.body, event: 0, member: 0 }, { ...real.body, event: 0, member: 0 });
    problem(await shop.event(event, '?dry_run=perhaps'), 422, 'invalid');
  });

  test('explain tells of every rule why, first and on a replay', async () => {
    const event = purchase({}, { subject: 'ext:C-11' });
    const first = await shop.event(event, '?explain=true');
    const large = first.body.explain.find((e) => e.rule === 'large');
    assert.equal(large.fired, false);
    assert.equal(large.failed.stage, 'when');
    assert.equal(large.failed.actual, 4550);
    assert.equal(large.text, 'The purchase\'s amount was 45.50 EUR, but 100.00 EUR or more is needed.');
    assert.equal(first.body.explain.find((e) => e.rule === 'base').inputs.points, 45);
    const again = await shop.event(event, '?explain=true');
    assert.equal(again.status, 200);
    assert.equal(again.text, first.text);
  });

  test('times in the future are refused, old ones need the import scope, and neither uses the key up', async () => {
    const writer = shop.createKey('writer', 'events:write');
    const event = purchase({}, { subject: 'ext:C-12', time: '2025-06-01T00:00:00Z' });
    problem(await shop.event(event, '', { key: writer }), 422, 'too_old', '/time');
    assert.equal((await shop.event(event)).status, 201);
    problem(await shop.event({ ...purchase(), time: '2026-01-01T00:05:01Z' }), 422, 'future_time', '/time');
    assert.equal((await shop.event({ ...purchase(), time: '2026-01-01T00:05:00Z' })).status, 201);
  });

  test('what the program does not know is refused with its pointer', async () => {
    problem(await shop.event(purchase({ currency: 'USD' })), 422, 'unknown_currency', '/data/currency');
    problem(await shop.event(purchase({ store: 'nowhere' })), 422, 'unknown_store', '/data/store');
    problem(await shop.event({ ...purchase(), type: 'app.unknown', data: {} }), 422, 'unknown_type', '/type');
    problem(await shop.event({ ...purchase(), type: 'points.adjusted', data: {} }), 422, 'unknown_type', '/type');
    problem(await shop.event(purchase({}, { subject: 'mbr_0000000000001' })), 422, 'unknown_member', '/subject');
  });
});

onEach('batches', {}, (shop) => {
  before(() => shop.serve());
  const batch = (body, query = '', type = 'application/json') => shop.post(`/v1/events/batch${query}`, body, { type });

  test('results come in order; duplicates are replays; each fault is its own', async () => {
    const one = purchase({}, { subject: 'ext:B-1' });
    const answer = await batch([one, purchase({ amount: -1 }), one, { ...one, subject: 'ext:B-2' }, 7, purchase({}, { subject: 'ext:B-1' })]);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.body.results.map((r) => r.status), [201, 422, 200, 409, 422, 201]);
    assert.deepEqual(answer.body.results.map((r) => r.replayed), [false, false, true, false, false, false]);
    assert.deepEqual(answer.body.results[2].body, answer.body.results[0].body);
    assert.equal(answer.body.results[1].body.errors[0].pointer, '/data/amount');
    assert.equal((await shop.balance('ext:B-1')).pending, 91); // 45.50 twice: the remainder carries
  });

  test('lines of NDJSON stand for themselves', async () => {
    const event = purchase({}, { subject: 'ext:B-3' });
    const text = `${JSON.stringify(event)}\n{"bad":\n\n${JSON.stringify(event)}\n`;
    const answer = await batch(text, '', 'application/x-ndjson');
    assert.deepEqual(answer.body.results.map((r) => [r.status, r.line]), [[201, undefined], [400, 2], [200, undefined]]);
  });

  test('a bad array is refused whole', async () => {
    problem(await batch('[{"specversion":"1.0"},'), 400, 'not_json');
    problem(await batch({}), 422, 'invalid');
    problem(await batch(''), 400, 'not_json');
    assert.deepEqual((await batch([])).body, { results: [] });
    problem(await batch(Array.from({ length: 10001 }, () => 1)), 422, 'invalid');
  });

  test('thousands of events are booked and the balance adds up', async () => {
    const events = Array.from({ length: 6000 }, (_, i) => purchase({ amount: 100 * (i % 5) }, { subject: `ext:M-${i % 20}`, id: `many-${i}` }));
    const answer = await batch(events, '', 'application/cloudevents-batch+json');
    assert.equal(answer.status, 200, answer.text.slice(0, 300));
    assert.ok(answer.body.results.every((r) => r.status === 201));
    let sum = 0;
    for (let i = 0; i < 20; i++) sum += (await shop.balance(`ext:M-${i}`)).pending;
    assert.equal(sum, 6000 / 5 * (0 + 1 + 2 + 3 + 4));
    const again = await batch(events.slice(100, 200));
    assert.ok(again.body.results.every((r) => r.status === 200 && r.replayed));
  });

  test('in a dry run each event sees those before it, and nothing stays', async () => {
    const events = [purchase({ amount: 15000 }, { subject: 'ext:B-9' }), purchase({ amount: 15000 }, { subject: 'ext:B-9' })];
    const answer = await batch(events, '?dry_run=true');
    assert.deepEqual(answer.body.results.map((r) => [r.status, r.body.event.id, r.body.tiers[0].tier]), [[200, null, 'bronze'], [200, null, 'silver']]);
    assert.equal((await shop.get('/v1/members/ext:B-9')).status, 404);
  });
});
