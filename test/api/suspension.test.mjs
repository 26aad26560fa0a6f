// What a suspension has refused, and what becomes of it when the member is resumed.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { onEach, problem, program, purchase } from './harness.mjs';

const keyed = (key) => ({ headers: { 'idempotency-key': key } });
const day = (n) => `2026-01-${String(n).padStart(2, '0')}T10:00:00Z`;
const plain = { ...program, wallets: [{ slug: 'points', expiry: { kind: 'months', months: 12 }, pay: { points: 100, amount: 100 } }, { slug: 'stars' }] };

onEach('suspension', { document: plain }, (shop) => {
  before(() => shop.serve());

  const clock = async (time) => assert.equal((await shop.post('/v1/test/clock', { now: time })).status, 200);
  const send = async (subject, id, data, more = {}) => (await shop.event({ ...purchase(data, { subject, id }), ...(more.type ? { data } : {}), ...more })).body;
  const active = async (member) => (await shop.get(`/v1/members/${member}/balances`)).body.data.find((b) => b.wallet === 'points').active;
  const timeline = async (member) => (await shop.get(`/v1/members/${member}/timeline?limit=100`)).body.data;
  const sound = () => shop.run('verify');

  async function suspended(name) {
    assert.equal((await shop.post('/v1/members', { external_id: name })).status, 201);
    assert.equal((await shop.post(`/v1/members/ext:${name}/suspend`)).body.status, 'suspended');
    return `ext:${name}`;
  }

  test('what was refused is decided when it is asked for, by its own time, and the timeline says as what', async () => {
    const ann = await suspended('S-1');
    await clock(day(10));
    assert.equal((await send(ann, 's1-1', { amount: 1000 }, { time: day(2) })).reason, 'suspended');
    assert.equal((await send(ann, 's1-2', { place: 'door' }, { type: 'app.checkin', time: day(3) })).reason, 'suspended');
    assert.equal((await send(ann, 's1-3', { original: { id: 's1-1' }, amount: 300 }, { type: 'refund', time: day(4) })).reason, 'suspended');
    const resumed = await shop.post(`/v1/members/${ann}/resume`, { decide_refused: true });
    assert.equal(resumed.status, 200, resumed.text);
    assert.equal(resumed.body.status, 'active');
    assert.deepEqual(resumed.body.refused, { decided: 3, passed_over: 0, left: 0 });
    assert.deepEqual(resumed.body.balances.map((b) => b.active), [7, 2]);
    const lot = (await shop.get(`/v1/members/${ann}/lots`)).body.data.find((l) => l.wallet === 'points');
    assert.deepEqual([lot.earned_at, lot.expires_at], ['2026-01-02T10:00:00.000Z', '2027-01-02T23:00:00.000Z']);
    const all = await timeline(ann);
    assert.deepEqual(all.map((e) => [e.type, e.outcome, e.reason]), [
      ['refund', 'applied', null], ['app.checkin', 'applied', null], ['purchase', 'applied', null], ['member.changed', 'applied', 'resume'],
      ['refund', 'refused', null], ['app.checkin', 'refused', null], ['purchase', 'refused', null], ['member.changed', 'applied', 'suspend'], ['member.enrolled', 'applied', null]]);
    assert.deepEqual(all.slice(4, 7).map((e) => e.decided_as), all.slice(0, 3).map((e) => e.id));
    assert.ok(all.slice(0, 3).every((e) => !('decided_as' in e)));
    const { body } = await shop.get('/v1/audit?limit=1');
    assert.equal(body.data[0].action, 'member.resume');
    assert.match(body.data[0].after, /^[0-9a-f]{64}$/); // what was chosen and came of it, sealed
    sound();
  });

  test('nothing is decided unless it is asked for, and staff\'s no stands', async () => {
    const bob = await suspended('S-2');
    await send(bob, 's2-1', { amount: 1000 });
    const resumed = await shop.post(`/v1/members/${bob}/resume`);
    assert.deepEqual([resumed.body.status, 'refused' in resumed.body], ['active', false]);
    assert.deepEqual((await shop.post(`/v1/members/${bob}/resume`, { decide_refused: true })).body.refused, { decided: 0, passed_over: 0, left: 0 });
    await shop.post(`/v1/members/${bob}/suspend`);
    await send(bob, 's2-2', { amount: 500 });
    assert.equal((await shop.post(`/v1/members/${bob}/resume`, { decide_refused: true })).body.refused.decided, 1);
    await shop.post(`/v1/members/${bob}/suspend`);
    assert.equal((await shop.post(`/v1/members/${bob}/resume`, { decide_refused: true })).body.refused.decided, 0);
    assert.equal(await active(bob), 5);
    sound();
  });

  test('the event\'s replay stays the first answer, byte for byte, and a refund finds what was decided', async () => {
    const cas = await suspended('S-3');
    const sale = purchase({ amount: 1000 }, { subject: cas, id: 's3-1' });
    const first = await shop.event(sale);
    await shop.post(`/v1/members/${cas}/resume`, { decide_refused: true });
    const again = await shop.event(sale);
    assert.equal(again.text, first.text);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assert.equal(await active(cas), 10);
    const refund = await send(cas, 's3-2', { original: { id: 's3-1' } }, { type: 'refund' });
    assert.deepEqual([refund.outcome, await active(cas)], ['applied', 0]);
    assert.equal((await send(cas, 's3-3', { original: { id: 's3-1' } }, { type: 'refund' })).outcome, 'refused');
    sound();
  });

  test('the same request is done once, and answered with the same bytes', async () => {
    const dan = await suspended('S-4');
    await send(dan, 's4-1', { amount: 1000 });
    const first = await shop.post(`/v1/members/${dan}/resume`, { decide_refused: true }, keyed('lift-dan'));
    await shop.post(`/v1/members/${dan}/suspend`);
    const again = await shop.post(`/v1/members/${dan}/resume`, { decide_refused: true }, keyed('lift-dan'));
    assert.equal(again.text, first.text);
    problem(await shop.post(`/v1/members/${dan}/resume`, { decide_refused: false }, keyed('lift-dan')), 422, 'key_reused');
    assert.equal((await shop.get(`/v1/members/${dan}`)).body.status, 'suspended');
    assert.equal(await active(dan), 10);
  });

  test('a dry run says what would come and writes nothing', async () => {
    const eve = await suspended('S-5');
    await send(eve, 's5-1', { amount: 1200 });
    const before = await timeline(eve);
    const tried = await shop.post(`/v1/members/${eve}/resume?dry_run=true`, { decide_refused: true });
    assert.equal(tried.status, 200, tried.text);
    assert.deepEqual([tried.body.status, tried.body.refused.decided, tried.body.balances[0].active], ['active', 1, 12]);
    assert.equal((await shop.post(`/v1/members/${eve}/resume?dry_run=true`)).body.balances[0].active, 0);
    assert.deepEqual(await timeline(eve), before);
    assert.equal((await shop.get(`/v1/members/${eve}`)).body.status, 'suspended');
    problem(await shop.post(`/v1/members/${eve}/suspend?dry_run=true`), 422, 'not_supported');
  });

  test('what was asked for at once is passed over', async () => {
    const fay = await suspended('S-6');
    await send(fay, 's6-1', { amount: 1000, payments: [{ method: 'points', wallet: 'points', points: 100, amount: 100 }] });
    await send(fay, 's6-2', { amount: 1000, rewards: ['CODE-1234'] });
    await send(fay, 's6-3', { amount: 1000 });
    const { body } = await shop.post(`/v1/members/${fay}/resume`, { decide_refused: true });
    assert.deepEqual(body.refused, { decided: 1, passed_over: 2, left: 0 });
    assert.equal(body.balances[0].active, 10);
  });

  test('beyond 512 the member stays suspended until the rest is decided, in order', async () => {
    const gil = await suspended('S-7');
    for (let part = 0; part < 2; part++) {
      const lines = Array.from({ length: 260 }, (_, i) => JSON.stringify(purchase({ amount: 100 }, { subject: gil, id: `s7-${part}-${i}` })));
      const sent = await shop.ask('POST', '/v1/events/batch', `[${lines.join(',')}]`, { type: 'application/cloudevents-batch+json' });
      assert.equal(sent.status, 200, sent.text.slice(0, 500));
    }
    const first = await shop.post(`/v1/members/${gil}/resume`, { decide_refused: true });
    assert.deepEqual([first.body.status, first.body.refused], ['suspended', { decided: 512, passed_over: 0, left: 8 }]);
    assert.equal((await send(gil, 's7-late', { amount: 100 })).reason, 'suspended');
    const second = await shop.post(`/v1/members/${gil}/resume`, { decide_refused: true });
    assert.deepEqual([second.body.status, second.body.refused], ['active', { decided: 9, passed_over: 0, left: 0 }]);
    assert.equal(await active(gil), 521);
    assert.equal((await send(gil, 's7-after', { amount: 100 })).outcome, 'applied');
    sound();
  });

  test('faults of the body are told', async () => {
    const hal = await suspended('S-8');
    problem(await shop.post(`/v1/members/${hal}/resume`, { decide_refused: 'yes' }), 422, 'invalid', '/decide_refused');
    problem(await shop.post(`/v1/members/${hal}/resume`, { decide: true }), 422, 'unknown_field', '/decide');
    problem(await shop.post('/v1/members/ext:NOBODY/resume', { decide_refused: true }), 404, 'not_found');
    problem(await shop.post('/v1/members/ext:NOBODY/resume?dry_run=true', { decide_refused: true }), 404, 'not_found');
    assert.equal((await shop.ask('DELETE', `/v1/members/${hal}`)).status, 200);
    problem(await shop.post(`/v1/members/${hal}/resume`, { decide_refused: true }), 404, 'not_found');
  });
});

// Every kind of event has facts of its own that deciding it needs.
const all = {
  name: 'Shop', currency: 'EUR', timezone: 'Europe/Amsterdam', unknown_members: 'enrol', wallets: [{ slug: 'points', returns: 'debt' }],
  earning_rules: [{ slug: 'base', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'points', points: 1, per_amount: 100 }] }],
  reviews: { moderated: false, effects: [{ kind: 'earn', wallet: 'points', points: 1000 }] },
  referrals: [{
    slug: 'friend', qualifies: { on: 'first_purchase', min_amount: 1000 }, hold_days: 0,
    advocate: { effects: [{ kind: 'earn', wallet: 'points', points: 300 }] }, referee: { effects: [{ kind: 'earn', wallet: 'points', points: 10000 }] },
  }],
  quizzes: [{
    slug: 'beans', name: { en: 'Beans' }, pass: 1, effects: [{ kind: 'earn', wallet: 'points', points: 100000 }],
    questions: [{ slug: 'q', text: { en: 'Where?' }, options: [{ slug: 'a', text: { en: 'Here' }, right: true }, { slug: 'b', text: { en: 'There' } }] }],
  }],
};

onEach('what a suspension refuses', { document: all }, (shop) => {
  before(() => shop.serve());

  test('orders, reviews, referrals, quizzes and subscriptions are decided with what they are about', async () => {
    const time = '2026-01-01T00:00:00Z';
    const send = async (type, id, data) => (await shop.event({ specversion: '1.0', id, source: 'till', type, time, subject: 'ext:ZOE', data })).body;
    const ann = (await shop.post('/v1/members', { external_id: 'ANN' })).body;
    await shop.post('/v1/members', { external_id: 'ZOE' });
    await shop.post('/v1/members/ext:ZOE/suspend');
    const refused = [
      await send('visit', 'z-1', {}),
      await send('referral', 'z-2', { code: ann.referral_code }),
      await send('purchase', 'z-3', { amount: 2000, currency: 'EUR', lines: [{ id: '1', sku: 'LATTE', amount: 2000 }], status: 'placed' }),
      await send('purchase.changed', 'z-4', { original: { id: 'z-3' }, amount: 3000, currency: 'EUR', lines: [{ id: '1', sku: 'LATTE', amount: 3000 }], status: 'placed' }),
      await send('purchase.completed', 'z-5', { original: { id: 'z-3' } }),
      await send('purchase', 'z-6', { amount: 5000, currency: 'EUR', status: 'placed' }),
      await send('purchase.cancelled', 'z-7', { original: { id: 'z-6' } }),
      await send('review.submitted', 'z-8', { original: { id: 'z-3' }, sku: 'LATTE', stars: 5 }),
      await send('quiz.completed', 'z-9', { quiz: 'beans', answers: { q: 'a' } }),
      await send('subscription.started', 'z-10', { subscription: 'L-1' }),
      await send('subscription.cancelled', 'z-11', { subscription: 'L-1' }),
    ];
    assert.deepEqual(refused.map((r) => r.reason), refused.map(() => 'suspended'));
    const { body } = await shop.post('/v1/members/ext:ZOE/resume', { decide_refused: true });
    assert.deepEqual(body.refused, { decided: refused.length, passed_over: 0, left: 0 });
    const decided = (await shop.get('/v1/members/ext:ZOE/timeline?limit=100')).body.data.filter((e) => /^z-/.test(e.external_id)).slice(0, refused.length);
    assert.deepEqual(decided.map((e) => [e.external_id, e.outcome, e.refusal]), refused.map((_, i) => [`z-${i + 1}`, 'applied', null]).reverse());
    assert.equal((await shop.balance('ext:ZOE')).active, 30 + 1000 + 10000 + 100000);
    assert.equal((await shop.balance('ext:ANN')).active, 300);
    assert.equal((await shop.get('/v1/members/ext:ZOE/subscriptions')).body.data[0].state, 'cancelled');
    await send('refund', 'z-12', { original: { id: 'z-3' } });
    assert.equal((await shop.balance('ext:ZOE')).active, 100000); // what the order has brought goes with it
    shop.run('verify');
  });
});

const lasting = {
  ...program, order_days: 10, unknown_members: 'hold', wallets: [{ slug: 'points' }],
  earning_rules: [
    { slug: 'base', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'points', points: 1, per_amount: 100 }] },
    { slug: 'missed', trigger: { type: 'inactive', days: 10 }, effects: [{ kind: 'earn', wallet: 'points', points: 1000000 }] },
    { slug: 'kept', trigger: 'subscription.month_kept', effects: [{ kind: 'earn', wallet: 'points', points: 5000 }] },
    { slug: 'coupon', trigger: 'visit', when: { '==': [{ var: 'event.store' }, 'ams-1'] }, effects: [{ kind: 'reward', reward: 'lottery' }] },
  ],
  rewards: [{ slug: 'lottery', kind: 'coupon' }],
};

onEach('a suspension of weeks', { document: lasting }, (shop) => {
  before(() => shop.serve());

  const at = async (time) => assert.equal((await shop.post('/v1/test/clock', { now: time })).status, 200);
  const balance = async (name) => (await shop.get(`/v1/members/ext:${name}/balances`)).body.data[0];

  test('what the clock would have brought meanwhile is refused, and orders end as if nothing had been', async () => {
    for (const name of ['W-S', 'W-N']) await shop.post('/v1/members', { external_id: name });
    await shop.post('/v1/members/ext:W-S/suspend');
    const life = [
      [2, 'purchase', { amount: 100, currency: 'EUR' }], [3, 'subscription.started', { subscription: 'L' }], [10, 'visit', {}], [12, 'subscription.cancelled', { subscription: 'L' }],
      [18, 'visit', {}], [26, 'visit', {}], [27, 'purchase', { amount: 100, currency: 'EUR', status: 'placed' }], [28, 'purchase.completed', { original: { id: '27' } }],
    ];
    for (const [n, type, data] of life) {
      await at(day(n));
      for (const name of ['W-S', 'W-N']) {
        const named = data.original ? { original: { id: `${name}-${data.original.id}` } } : data;
        const answer = await shop.event({ ...purchase(), id: `${name}-${n}`, type, subject: `ext:${name}`, time: day(n), data: named });
        assert.equal(answer.body.outcome, name === 'W-S' ? 'refused' : 'applied', answer.text);
      }
    }
    for (const date of ['2026-02-04', '2026-02-12', '2026-02-20']) {
      await at(`${date}T00:00:00Z`);
      for (const name of ['W-S', 'W-N']) await shop.event({ ...purchase(), id: `${name}-${date}`, type: 'visit', subject: `ext:${name}`, time: `${date}T00:00:00Z`, data: {} });
    }
    await at('2026-02-21T00:00:00Z');
    const tried = await shop.post('/v1/members/ext:W-S/resume?dry_run=true', { decide_refused: true });
    const resumed = await shop.post('/v1/members/ext:W-S/resume', { decide_refused: true });
    assert.deepEqual(resumed.body.refused, { decided: 11, passed_over: 0, left: 0 }, resumed.text);
    assert.deepEqual(tried.body.balances, resumed.body.balances);
    assert.deepEqual(await balance('W-S'), await balance('W-N'));
    assert.equal((await balance('W-S')).active, 2);
    const { data } = (await shop.get('/v1/members/ext:W-S/timeline?limit=100')).body;
    assert.deepEqual(data.filter((e) => e.outcome === 'applied' && /inactive|month_kept|voided/.test(e.type)), []);
    await at('2026-02-21T01:00:00Z');
    assert.deepEqual(await balance('W-S'), await balance('W-N'));
    shop.run('verify');
  });

  test('a coupon that comes late has its code', async () => {
    const codes = await shop.ask('POST', '/v1/rewards/lottery/codes', 'AAAA-0001\nAAAA-0002\nAAAA-0003\n', { type: 'text/plain', headers: { 'idempotency-key': 'codes-1' } });
    assert.equal(codes.status, 201, codes.text);
    const coupons = async (name) => (await shop.get(`/v1/members/ext:${name}/rewards`)).body.data.map((r) => r.code);
    const visit = (subject, id) => shop.event({ ...purchase(), id, type: 'visit', subject, time: '2026-02-21T01:00:00Z', data: { store: 'ams-1' } });
    await shop.post('/v1/members', { external_id: 'C-S' });
    await shop.post('/v1/members/ext:C-S/suspend');
    await visit('ext:C-S', 'late-1');
    await shop.post('/v1/members/ext:C-S/resume?dry_run=true', { decide_refused: true });
    await shop.post('/v1/members/ext:C-S/resume', { decide_refused: true });
    assert.deepEqual(await coupons('C-S'), ['AAAA-0001']);
    // What waited for somebody by an address that they give later.
    await shop.post('/v1/members', { external_id: 'C-P' });
    assert.equal((await visit('email:c.p@example.org', 'late-2')).body.outcome, 'held');
    assert.equal((await shop.ask('PATCH', '/v1/members/ext:C-P', { email: 'c.p@example.org' }, { headers: { 'idempotency-key': 'patch-1' } })).status, 200);
    assert.deepEqual(await coupons('C-P'), ['AAAA-0002']);
    shop.run('verify');
  });
});
