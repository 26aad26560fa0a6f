// The member's changing card: codes are made as a device would, and only fresh ones spend, once.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { totp } from '../totp.mjs';
import { onEach, problem, purchase } from './harness.mjs';

const document = {
  name: 'Café Norte', currency: 'EUR', timezone: 'Europe/Amsterdam', unknown_members: 'enrol',
  wallets: [{ slug: 'points', pay: { points: 100, amount: 100 } }],
  earning_rules: [{ slug: 'base', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'points', points: 1, per_amount: 100, of: { paid_with_points: false } }] }],
  rewards: [
    { slug: 'coffee', kind: 'free_product', price: [{ wallet: 'points', points: 10 }] },
    { slug: 'auto', kind: 'free_product', price: [{ wallet: 'points', points: 500 }], auto: { at: 500 } },
  ],
};
onEach('the changing card', { document }, (shop) => {
  let now = '2026-03-01T10:00:00Z';
  let card;
  const clock = async (to) => { now = to; assert.equal((await shop.post('/v1/test/clock', { now })).status, 200); };
  const code = (at = now, secret = card.secret) => `code:${card.member}.${totp(secret, Date.parse(at))}`;
  const pay = (subject, points = 100, more = {}) => shop.event(purchase({ amount: 1000, payments: [{ method: 'points', wallet: 'points', points, amount: points }], ...more }, { subject, time: now }));
  before(async () => {
    await shop.serve();
    await clock(now);
    const made = await shop.post('/v1/members', { external_id: 'ANN', card: 'CARD-1' });
    assert.equal(made.status, 201, made.text);
    await shop.event(purchase({ amount: 45000 }, { subject: 'ext:ANN', time: now }));
  });

  test('a card number earns and does not spend', async () => {
    const earned = await shop.event(purchase({ amount: 1000 }, { subject: 'card:CARD-1', time: now }));
    assert.equal(earned.body.outcome, 'applied', earned.text);
    const paid = await pay('card:CARD-1');
    assert.deepEqual([paid.body.outcome, paid.body.reason], ['refused', 'fresh_code_needed']);
    problem(await shop.post('/v1/members/card:CARD-1/rewards', { reward: 'coffee' }), 422, 'fresh_code_needed');
    assert.equal((await pay('ext:ANN')).body.outcome, 'applied', 'the merchant may name whom they want');
  });

  test('the secret is given once, the key URI says all that a device needs, and asking again with the key is the same answer', async () => {
    const key = { headers: { 'idempotency-key': 'card-1' } };
    const given = await shop.post('/v1/members/ext:ANN/card', {}, key);
    assert.equal(given.status, 200, given.text);
    card = given.body;
    assert.match(card.secret, /^[A-Z2-7]{32}$/);
    assert.equal(card.uri, `otpauth://totp/Caf%C3%A9%20Norte:${card.member}?secret=${card.secret}&issuer=Caf%C3%A9%20Norte&algorithm=SHA1&digits=8&period=30`);
    assert.equal((await shop.post('/v1/members/ext:ANN/card', {}, key)).text, given.text);
    assert.deepEqual((await shop.get('/v1/members/ext:ANN/card')).body, { member: card.member, generation: 1, last_spent_at: null });
  });

  test('a code names its member, spends once, and the next one spends again', async () => {
    assert.equal((await shop.get(`/v1/members/${code()}`)).body.external_id, 'ANN');
    const event = purchase({ amount: 1000, payments: [{ method: 'points', wallet: 'points', points: 100, amount: 100 }] }, { subject: code(), time: now });
    const dry = await shop.event(event, '?dry_run=true');
    assert.equal(dry.body.outcome, 'applied', dry.text);
    const first = await shop.event(event);
    assert.deepEqual([first.status, first.body.outcome], [201, 'applied'], first.text);
    assert.equal((await pay(code())).body.reason, 'code_used');
    problem(await shop.post(`/v1/members/${code()}/rewards`, { reward: 'coffee' }), 422, 'code_used');
    await clock('2026-03-01T10:10:00Z');
    const again = await shop.event(event);
    assert.deepEqual([again.text, again.headers.get('idempotency-replayed')], [first.text, 'true'], 'a retry is no new spending');
    const bought = await shop.post(`/v1/members/${code()}/rewards`, { reward: 'coffee' });
    assert.equal(bought.status, 201, bought.text);
    assert.equal((await shop.get('/v1/members/ext:ANN/card')).body.last_spent_at, '2026-03-01T10:10:00.000Z');
  });

  test('a code spends within its half minute and those beside it, and 61 seconds later no more', async () => {
    await clock('2026-03-01T11:00:00Z');
    const old = code();
    await clock('2026-03-01T11:01:01Z');
    assert.equal((await pay(old)).body.reason, 'fresh_code_needed');
    assert.equal((await shop.event(purchase({ amount: 100 }, { subject: old, time: now }))).body.outcome, 'applied', 'it still earns');
    assert.equal((await pay(code('2026-03-01T11:00:30Z'), 1)).body.outcome, 'applied', 'a slow phone');
    assert.equal((await pay(code('2026-03-01T11:01:30Z'), 1)).body.outcome, 'applied', 'a fast one');
    assert.equal((await pay(code(), 1)).body.reason, 'code_used', 'never back in time');
  });

  test('of many tills at once that scan the same code one spends', async () => {
    await clock('2026-03-01T12:00:00Z');
    const scanned = code();
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => pay(scanned, 1)));
    assert.equal(outcomes.filter((o) => o.body.outcome === 'applied').length, 1);
    assert.equal(outcomes.filter((o) => o.body.reason === 'code_used').length, 11);
  });

  test('a refused purchase uses up no code', async () => {
    await clock('2026-03-01T13:00:00Z');
    assert.equal((await pay(code(), 900000, { amount: 9000000 })).body.reason, 'not_enough_points');
    assert.equal((await pay(code(), 1)).body.outcome, 'applied');
  });

  test('guessing ends after ten wrong codes, whatever door they come by, until the next day', async () => {
    await clock('2026-03-02T10:00:00Z');
    const wrong = `code:${card.member}.00000000`;
    for (let i = 0; i < 5; i += 1) assert.equal((await pay(wrong)).body.reason, 'fresh_code_needed');
    for (let i = 0; i < 5; i += 1) problem(await shop.post(`/v1/members/${wrong}/rewards`, { reward: 'coffee' }), 422, 'fresh_code_needed');
    assert.equal((await pay(code())).body.reason, 'too_many_attempts');
    problem(await shop.post(`/v1/members/${code()}/rewards`, { reward: 'coffee' }), 422, 'too_many_attempts');
    assert.equal((await pay('ext:ANN', 1)).body.outcome, 'applied');
    await clock('2026-03-02T23:00:00Z'); // midnight in Amsterdam
    assert.equal((await pay(code(), 1)).body.outcome, 'applied');
  });

  test('another device ends the one before', async () => {
    await clock('2026-03-03T10:00:00Z');
    const before_ = card;
    card = (await shop.post('/v1/members/ext:ANN/card', {})).body;
    assert.equal(card.generation, 2);
    assert.equal((await pay(code(now, before_.secret), 1)).body.reason, 'fresh_code_needed');
    assert.equal((await pay(code(), 1)).body.outcome, 'applied');
  });

  test('codes of nobody, of another member and of no shape are refused with what to do', async () => {
    problem(await shop.get('/v1/members/code:12345678'), 404, 'not_found');
    problem(await shop.event(purchase({ amount: 100 }, { subject: 'code:mbr_.1', time: now })), 422, 'invalid', '/subject');
    for (const digits of ['', '1234567', '123456789', '-1234567', '1234 678']) {
      problem(await shop.event(purchase({ amount: 100 }, { subject: `code:${card.member}.${digits}`, time: now })), 422, 'invalid', '/subject');
    }
    problem(await shop.post('/v1/members/card:CARD-1/card', {}), 422, 'fresh_code_needed');
    const other = (await shop.post('/v1/members', { external_id: 'BOB' })).body.id;
    await shop.event(purchase({ amount: 5000 }, { subject: 'ext:BOB', time: now }));
    assert.equal((await pay(`code:${other}.${totp(card.secret, Date.parse(now))}`, 1)).body.reason, 'fresh_code_needed', 'BOB has no card');
  });

  test('nothing is bought by itself for a suspended member', async () => {
    await shop.post('/v1/members', { external_id: 'DAN' });
    await shop.ask('PATCH', '/v1/members/ext:DAN', { auto_rewards: false });
    await shop.event(purchase({ amount: 60000 }, { subject: 'ext:DAN', time: now }));
    await shop.post('/v1/members/ext:DAN/suspend', {});
    assert.equal((await shop.ask('PATCH', '/v1/members/ext:DAN', { auto_rewards: true })).body.balances[0].active, 600);
    await shop.post('/v1/members/ext:DAN/resume', {});
    assert.equal((await shop.balance('ext:DAN')).active, 100);
  });

  test('who wants no automatic rewards can say so when they enrol', async () => {
    const enrol = (body, query = '') => shop.post(`/v1/members${query}`, body);
    problem(await enrol({ external_id: 'EVA', auto_rewards: 'no' }), 422, 'invalid', '/auto_rewards');
    problem(await enrol({ external_id: 'EVA', auto_rewards: null }), 422, 'invalid', '/auto_rewards');
    assert.equal((await enrol({ external_id: 'EVA', auto_rewards: false }, '?dry_run=true')).body.auto_rewards, false);
    const eva = await enrol({ external_id: 'EVA', auto_rewards: false });
    assert.deepEqual([eva.status, eva.body.auto_rewards], [201, false], eva.text);
    await shop.event(purchase({ amount: 60000 }, { subject: 'ext:EVA', time: now }));
    assert.deepEqual((await shop.get('/v1/members/ext:EVA/rewards')).body.data, []);
    assert.equal((await shop.ask('PATCH', '/v1/members/ext:EVA', { auto_rewards: true })).body.balances[0].active, 100);
    assert.equal((await enrol({ external_id: 'YES', auto_rewards: true })).body.auto_rewards, true);
  });

  test('rewards are bought by themselves unless the member does not want that', async () => {
    const buyer = (await shop.post('/v1/members', { external_id: 'CAT' })).body;
    assert.equal(buyer.auto_rewards, true);
    problem(await shop.ask('PATCH', '/v1/members/ext:CAT', { auto_rewards: 'no' }), 422, 'invalid', '/auto_rewards');
    const off = await shop.ask('PATCH', '/v1/members/ext:CAT', { auto_rewards: false });
    assert.deepEqual([off.status, off.body.auto_rewards], [200, false], off.text);
    await shop.event(purchase({ amount: 60000 }, { subject: 'ext:CAT', time: now }));
    assert.deepEqual((await shop.get('/v1/members/ext:CAT/rewards')).body.data, []);
    assert.equal((await shop.ask('PATCH', '/v1/members/ext:CAT', { auto_rewards: true })).body.balances[0].active, 100, 'what is due comes at once');
    assert.deepEqual((await shop.get('/v1/members/ext:CAT/rewards')).body.data.map((r) => r.reward), ['auto']);
  });
});
