// Rewards over HTTP: the catalogue, buying, codes, the last one under a crowd.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { onEach, problem, purchase } from './harness.mjs';

const document = {
  name: 'Shop', currency: 'EUR', timezone: 'Europe/Amsterdam', unknown_members: 'enrol', wallets: [{ slug: 'points' }],
  earning_rules: [{ slug: 'base', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'points', points: 1, per_amount: 100 }] }],
  rewards: [
    { slug: 'coffee', kind: 'free_product', name: { en: 'A free coffee' }, price: [{ wallet: 'points', points: 100 }], valid_days: 30 },
    { slug: 'last', kind: 'free_product', price: [{ wallet: 'points', points: 1 }], available: { stock: { total: 1 } } },
    { slug: 'cinema', kind: 'coupon', price: [{ wallet: 'points', points: 1 }] },
    { slug: 'five', kind: 'money_off', value: { amount: 500 }, price: [{ wallet: 'points', points: 10 }] },
    { slug: 'card', kind: 'gift_card', value: { amount: 1000 }, price: [{ wallet: 'points', points: 10 }] },
    { slug: 'free', kind: 'code', price: [{ wallet: 'points', points: 0 }] },
    { slug: 'adults', kind: 'free_product', price: [{ wallet: 'points', points: 1 }], available: { min_age: 18 } },
  ],
};
const keyed = (key) => ({ headers: { 'idempotency-key': key } });
const plain = { type: 'text/plain' };

onEach('rewards', { document }, (shop) => {
  before(async () => {
    await shop.serve();
    await shop.event(purchase({ amount: 100000 }, { subject: 'ext:rich' }));
  });

  test('the catalogue is for everybody, or for one member with what they may have', async () => {
    const all = await shop.get('/v1/rewards');
    assert.deepEqual(all.body.data.map((r) => r.slug), ['coffee', 'last', 'cinema', 'five', 'card', 'free', 'adults']);
    assert.deepEqual([all.body.data[0].name, all.body.data[0].price], [{ en: 'A free coffee' }, { wallet: 'points', points: 100 }]);
    const rich = await shop.get('/v1/rewards?member=ext:rich');
    assert.deepEqual(rich.body.data.map((r) => [r.slug, r.refusal]), [['coffee', null], ['last', null], ['cinema', 'sold_out'], ['five', null], ['card', null], ['free', null]]);
  });

  test('a reward is bought once for one Idempotency-Key, with a code that finds it', async () => {
    const bought = await shop.post('/v1/members/ext:rich/rewards', { reward: 'coffee', expected_price: 100 }, keyed('b1'));
    assert.equal(bought.status, 201, bought.text);
    const [reward] = bought.body.rewards;
    assert.match(reward.code, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}-[0-9A-HJKMNP-TV-Z]{4}[0-9A-HJKMNP-TV-ZU]$/);
    assert.equal(reward.expires_at, '2026-01-31T23:00:00.000Z');
    const again = await shop.post('/v1/members/ext:rich/rewards', { reward: 'coffee', expected_price: 100 }, keyed('b1'));
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assert.equal(again.text, bought.text, 'the code is in the stored answer');
    for (const name of [reward.id, reward.code, reward.code.toLowerCase().replaceAll('-', '')]) {
      const found = await shop.get(`/v1/rewards/issued/${encodeURIComponent(name)}`);
      assert.equal(found.status, 200, found.text);
      assert.deepEqual([found.body.id, found.body.code, found.body.state], [reward.id, reward.code, 'issued']);
    }
    problem(await shop.get('/v1/rewards/issued/0000-0000-0000-0001U'), 404, 'not_found');
    problem(await shop.get('/v1/rewards/issued/rwd_0000000000001'), 404, 'not_found');
    problem(await shop.post('/v1/members/ext:rich/rewards', { reward: 'coffee', expected_price: 90 }, keyed('b2')), 409, 'price_changed', '/expected_price');
    problem(await shop.post('/v1/members/ext:rich/rewards', { reward: 'nothing' }, keyed('b3')), 422, 'invalid', '/reward');
    problem(await shop.post('/v1/members/ext:rich/rewards', { reward: 'adults' }, keyed('b4')), 422, 'not_eligible');
    const dry = await shop.post('/v1/members/ext:rich/rewards?dry_run=true', { reward: 'coffee' });
    assert.deepEqual([dry.status, dry.body.rewards[0].id, dry.body.rewards[0].code], [200, null, null], dry.text);
  });

  test('a code is used at the till, once', async () => {
    const { body } = await shop.post('/v1/members/ext:rich/rewards', { reward: 'coffee' }, keyed('u0'));
    const at = `/v1/rewards/issued/${body.rewards[0].code}`;
    const held = await shop.post(`${at}/reserve`, { minutes: 5 }, keyed('u1'));
    assert.equal(held.body.rewards[0].state, 'reserved', held.text);
    problem(await shop.post(`${at}/reserve`, undefined, keyed('u2')), 422, 'reward_reserved');
    const used = await shop.post(`${at}/use`, { reference: 'till 7' }, keyed('u3'));
    assert.deepEqual([used.status, used.body.rewards[0].state], [201, 'used'], used.text);
    assert.equal((await shop.post(`${at}/use`, { reference: 'till 7' }, keyed('u3'))).text, used.text);
    problem(await shop.post(`${at}/use`, { reference: 'till 8' }, keyed('u4')), 422, 'reward_used');
    problem(await shop.post(`${at}/cancel`, { reason: 'no' }, keyed('u5')), 422, 'reward_used');
  });

  test('a purchase pays with a code and earns on the rest', async () => {
    const { body } = await shop.post('/v1/members/ext:rich/rewards', { reward: 'five' }, keyed('p0'));
    const code = body.rewards[0].code;
    const wrong = await shop.event(purchase({ amount: 2000, payments: [{ method: 'reward', reward: '0000-0000', amount: 500 }] }, { subject: 'ext:rich' }));
    assert.deepEqual([wrong.status, wrong.body.outcome, wrong.body.reason], [201, 'refused', 'unknown_reward'], wrong.text);
    const paid = await shop.event(purchase({ amount: 2000, payments: [{ method: 'reward', reward: code, amount: 500 }, { method: 'card', amount: 1500 }] }, { subject: 'ext:rich' }));
    assert.deepEqual([paid.body.outcome, paid.body.points[0].earned, paid.body.rewards[0].state], ['applied', 15, 'used'], paid.text);
    const thief = await shop.event(purchase({ amount: 2000, rewards: [code] }, { subject: 'ext:thief' }));
    assert.equal(thief.body.reason, 'unknown_reward', thief.text);
  });

  test('a reward named by its id and by its code is one reward', async () => {
    const pay = (amount, ...rewards) => shop.event(purchase({ amount, payments: rewards.map(([reward, paid]) => ({ method: 'reward', reward, amount: paid })) }, { subject: 'ext:rich' }));
    const card = (await shop.post('/v1/members/ext:rich/rewards', { reward: 'card' }, keyed('n0'))).body.rewards[0];
    const twice = await pay(2000, [card.id, 1000], [card.code, 1000]);
    assert.deepEqual([twice.status, twice.body.outcome, twice.body.reason], [201, 'refused', 'above_value'], twice.text);
    const parts = await pay(2000, [card.id, 300], [card.code, 400]);
    assert.deepEqual([parts.body.outcome, parts.body.rewards.length], ['applied', 1], parts.text);
    assert.equal((await shop.get(`/v1/rewards/issued/${card.id}`)).body.left.amount, 300);
    const five = (await shop.post('/v1/members/ext:rich/rewards', { reward: 'five' }, keyed('n1'))).body.rewards[0];
    assert.equal((await pay(2000, [five.id, 500], [five.code, 500])).body.reason, 'above_value');
    assert.equal((await pay(2000, [five.id, 200], [five.code, 300])).body.outcome, 'applied');
  });

  test('who has as many rewards as may be open still gets one back with a refund', async () => {
    await shop.event(purchase({ amount: 100000 }, { subject: 'ext:many' }));
    const five = (await shop.post('/v1/members/ext:many/rewards', { reward: 'five' }, keyed('m0'))).body.rewards[0];
    const paid = purchase({ amount: 2000, payments: [{ method: 'reward', reward: five.code, amount: 500 }] }, { subject: 'ext:many' });
    assert.equal((await shop.event(paid)).body.outcome, 'applied');
    for (let i = 0; i < 10; i++) {
      assert.equal((await shop.post('/v1/members/ext:many/rewards', { reward: 'free', quantity: 100 }, keyed(`m-${i}`))).status, 201);
    }
    problem(await shop.post('/v1/members/ext:many/rewards', { reward: 'free' }, keyed('m1')), 422, 'too_many_rewards');
    const refunded = await shop.event({ ...paid, id: 'm-refund', type: 'refund', data: { original: { id: paid.id } } });
    assert.deepEqual([refunded.body.outcome, refunded.body.rewards[0].state], ['applied', 'issued'], refunded.text);
    assert.equal((await shop.get('/v1/members/ext:many/rewards?limit=1')).status, 200);
    assert.equal((await shop.post(`/v1/rewards/issued/${five.id}/use`, undefined, keyed('m2'))).status, 201);
  });

  test('codes of a pool are uploaded, duplicates reported, and given out one by one', async () => {
    problem(await shop.post('/v1/rewards/coffee/codes', 'A\n', plain), 404, 'not_found');
    const first = await shop.post('/v1/rewards/cinema/codes', 'code\nCIN-1\nCIN-2\n\ncin1\n"CIN-3",extra\nbad code\n', { ...plain, ...keyed('c1') });
    assert.deepEqual([first.status, first.body.added, first.body.duplicates, first.body.duplicate_lines, first.body.rejected_lines], [201, 3, 1, [5], [7]], first.text);
    const second = await shop.post('/v1/rewards/cinema/codes', 'CIN-2\nCIN-4\n', { ...plain, ...keyed('c2') });
    assert.deepEqual([second.body.added, second.body.duplicates], [1, 1]);
    const codes = [];
    for (let i = 0; i < 4; i++) {
      codes.push((await shop.post('/v1/members/ext:rich/rewards', { reward: 'cinema' }, keyed(`cc${i}`))).body.rewards[0].code);
    }
    assert.deepEqual(codes, ['CIN-1', 'CIN-2', 'CIN-3', 'CIN-4']);
    problem(await shop.post('/v1/members/ext:rich/rewards', { reward: 'cinema' }, keyed('cc4')), 422, 'sold_out');
    assert.deepEqual((await shop.get('/v1/rewards/cinema/codes')).body, { pool: 'cinema', uploaded: 4, taken: 4, left: 0 });
  });

  test('rewards of a suspended member are refused at the till, by themselves and inside purchases, and only then', async () => {
    await shop.event(purchase({ amount: 10000 }, { subject: 'ext:held-back' }));
    const { body } = await shop.post('/v1/members/ext:held-back/rewards', { reward: 'card' }, keyed('held-back'));
    const [card] = body.rewards;
    await shop.post('/v1/members/ext:held-back/suspend', {});
    problem(await shop.post(`/v1/rewards/issued/${card.code}/use`, { amount: 100 }, keyed('held-use')), 422, 'suspended');
    const paid = await shop.event(purchase({ amount: 1000, payments: [{ method: 'reward', reward: card.code, amount: 100 }] }, { subject: 'ext:held-back' }));
    assert.deepEqual([paid.body.outcome, paid.body.reason], ['refused', 'suspended']);
    await shop.post('/v1/members/ext:held-back/resume', {});
    assert.equal((await shop.post(`/v1/rewards/issued/${card.code}/use`, { amount: 100 }, keyed('held-use-2'))).status, 201);
  });

  test('of 64 members who want the last one exactly one gets it', async () => {
    for (let i = 0; i < 64; i++) await shop.event(purchase({ amount: 100 }, { subject: `ext:crowd-${i}` }));
    const asked = await Promise.all(Array.from({ length: 64 }, (_, i) => shop.post(`/v1/members/ext:crowd-${i}/rewards`, { reward: 'last' }, keyed(`last-${i}`))));
    assert.equal(asked.filter((a) => a.status === 201).length, 1);
    for (const a of asked) if (a.status !== 201) problem(a, 422, 'sold_out');
  });

  test("a member's rewards are listed newest first, in pages", async () => {
    const page = await shop.get('/v1/members/ext:rich/rewards?limit=3');
    assert.equal(page.body.data.length, 3);
    assert.ok(page.body.data[0].id > page.body.data[1].id);
    const rest = await shop.get(`/v1/members/ext:rich/rewards?limit=3&cursor=${page.body.next_cursor}`);
    assert.ok(page.body.data[2].id > rest.body.data[0].id);
    const all = await shop.get('/v1/members/ext:rich/rewards?limit=1000');
    assert.equal(all.body.next_cursor, null);
    assert.deepEqual(all.body.data.slice(0, 6).map((r) => r.id), [...page.body.data, ...rest.body.data].map((r) => r.id));
  });

  test('what was forgotten has no code any more', async () => {
    const { body } = await shop.post('/v1/members/ext:crowd-5/rewards', { reward: 'last' }, keyed('forget-0'));
    assert.ok(body);
    await shop.event(purchase({ amount: 10000 }, { subject: 'ext:gone' }));
    const bought = await shop.post('/v1/members/ext:gone/rewards', { reward: 'coffee' }, keyed('forget-1'));
    const { id, code } = bought.body.rewards[0];
    assert.equal((await shop.ask('DELETE', '/v1/members/ext:gone', undefined, keyed('forget-2'))).status, 200);
    problem(await shop.get(`/v1/rewards/issued/${code}`), 404, 'not_found');
    assert.equal((await shop.get(`/v1/rewards/issued/${id}`)).body.code, null);
  });
});
