// Tiers: as they are, as they were, given by hand, and how they came.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onEach, problem, program } from './harness.mjs';

const document = {
  ...program,
  tier_sets: [
    { slug: 'main', metrics: { spend: { kind: 'spend' } }, downgrade: { kind: 'one_step' },
      tiers: [{ slug: 'bronze' }, { slug: 'silver', enter: { any_of: [{ spend: 10000 }] } }, { slug: 'gold', enter: { any_of: [{ spend: 20000 }] } }] },
    { slug: 'visits', metrics: { visits: { kind: 'count', trigger: 'visit' } }, period: { kind: 'calendar_year', keep_through: 'this' },
      tiers: [{ slug: 'guest' }, { slug: 'regular', enter: { any_of: [{ visits: 1 }] } }] },
  ],
};

const keyed = (key) => ({ headers: { 'idempotency-key': key } });
const event = (id, subject, type, data) => ({ specversion: '1.0', id, source: 'pos/1', type, time: '2026-01-01T00:00:00Z', subject, data });
const purchase = (id, subject, amount) => event(id, subject, 'purchase', { amount, currency: 'EUR' });

onEach('tiers', { document }, (shop) => {
  before(() => shop.serve());
  const publish = (what) => {
    writeFileSync(join(shop.dir, 'next.json'), JSON.stringify(what));
    shop.run('program', 'publish', join(shop.dir, 'next.json'));
  };

  test('an answer tells each set', async () => {
    const { body } = await shop.event(event('v-1', 'ext:A', 'visit', {}));
    assert.deepEqual(body.tiers, [
      { set: 'main', tier: 'bronze', changed: false, valid_until: null, progress: { metric: 'spend', value: 0, next: 'silver', needed: 10000 } },
      { set: 'visits', tier: 'regular', changed: true, valid_until: '2026-12-31T23:00:00.000Z', progress: null },
    ]);
  });

  test('a tier is given by hand once per key, tried out first, and shown beside what was earned', async () => {
    const gift = { set: 'main', tier: 'gold', until: '2026-07-01', reason: 'moved from another program' };
    const tried = await shop.post('/v1/members/ext:A/tiers?dry_run=true', gift);
    assert.equal(tried.status, 200, tried.text);
    assert.deepEqual([tried.body.event.id, tried.body.tiers[0].tier, tried.body.tiers[0].changed], [null, 'gold', true]);
    assert.equal((await shop.get('/v1/members/ext:A/tiers')).body.data[0].tier, 'bronze');
    const given = await shop.post('/v1/members/ext:A/tiers', gift, keyed('gold-1'));
    assert.equal(given.status, 201, given.text);
    assert.deepEqual(given.body.tiers[0], { set: 'main', tier: 'gold', changed: true, valid_until: '2026-06-30T22:00:00.000Z', progress: null });
    const again = await shop.post('/v1/members/ext:A/tiers', gift, keyed('gold-1'));
    assert.deepEqual(again.body, given.body);
    problem(await shop.post('/v1/members/ext:A/tiers', { ...gift, tier: 'silver' }, keyed('gold-1')), 422, 'key_reused');
    const { data } = (await shop.get('/v1/members/ext:A/tiers')).body;
    assert.deepEqual(data[0].earned, { tier: 'bronze', valid_until: null });
    assert.deepEqual(data[0].floors, [{ tier: 'gold', kind: 'manual', until: '2026-06-30T22:00:00.000Z' }]);
    assert.deepEqual([data[1].tier, data[1].earned.tier, data[1].floors], ['regular', 'regular', []]);
    const timeline = (await shop.get('/v1/members/ext:A/timeline')).body.data;
    assert.deepEqual([timeline[0].type, timeline[0].reason], ['tier.granted', 'moved from another program']);
  });

  test('what cannot be given is refused with the field', async () => {
    const bad = [
      [{ tier: 'gold', reason: 'x' }, '/set'], [{ set: 'none', tier: 'gold', reason: 'x' }, '/set'],
      [{ set: 'main', tier: 'regular', reason: 'x' }, '/tier'], [{ set: 'main', tier: 'gold' }, '/reason'],
      [{ set: 'main', tier: 'gold', reason: 'x', until: 'soon' }, '/until'], [{ set: 'main', tier: 'gold', reason: 'x', until: '2025-12-31' }, '/until'],
      [{ set: 'main', tier: 'gold', reason: 'card 4111 1111 1111 1111' }, '/reason'],
    ];
    for (const [body, pointer] of bad) {
      const answer = await shop.post('/v1/members/ext:A/tiers', body);
      problem(answer, 422, 'invalid');
      assert.equal(answer.body.errors[0].pointer, pointer, JSON.stringify(body));
    }
    problem(await shop.post('/v1/members/ext:A/tiers', { set: 'main', tier: 'gold', reason: 'x', days: 3 }), 422, 'unknown_field');
    problem(await shop.post('/v1/members/ext:nobody/tiers', { set: 'main', tier: 'gold', reason: 'x' }), 404, 'not_found');
  });

  test('the history has pages of any size, newest first, with reason and actor of what people did', async () => {
    await shop.event(purchase('p-1', 'ext:A', 10000));
    await shop.post('/v1/test/clock', { now: '2026-07-01T00:00:00Z' });
    await shop.post('/v1/test/clock', { now: '2027-01-05T00:00:00Z' });
    const all = (await shop.get('/v1/members/ext:A/tiers/history')).body;
    assert.deepEqual(all.data.map((c) => [c.set, c.from, c.to, c.why]), [
      ['main', 'silver', 'bronze', 'downgraded'], ['visits', 'regular', 'regular', 'renewed'], ['main', 'gold', 'silver', 'ended'],
      ['main', 'bronze', 'gold', 'manual'], ['visits', 'guest', 'regular', 'entered']]);
    assert.equal(all.next_cursor, null);
    assert.deepEqual([all.data[2].at, all.data[2].valid_until], ['2026-06-30T22:00:00.000Z', '2027-01-01T23:00:00.000Z']);
    assert.deepEqual(all.data.map((c) => c.reason), [null, null, null, 'moved from another program', null]);
    assert.match(all.data[3].actor, /^key_/);
    for (const limit of [1, 2, 4]) {
      const paged = [];
      let cursor = '';
      do {
        const { body } = await shop.get(`/v1/members/ext:A/tiers/history?limit=${limit}${cursor}`);
        assert.ok(body.data.length <= limit);
        paged.push(...body.data);
        cursor = body.next_cursor && `&cursor=${body.next_cursor}`;
      } while (cursor);
      assert.deepEqual(paged, all.data);
    }
    for (const cursor of ['x', 'evt_0000000000000.1', `${all.data[0].event}.2`, `${all.data[0].event}.0`, all.data[0].event]) {
      problem(await shop.get(`/v1/members/ext:A/tiers/history?cursor=${cursor}`), 422, 'invalid');
    }
  });

  test('one event that changes both sets is split between pages', async () => {
    const both = { ...document, tier_sets: document.tier_sets.map((s) => ({ ...s, metrics: { visits: { kind: 'count', trigger: 'visit' } },
      tiers: [s.tiers[0], { slug: 'regular', enter: { any_of: [{ visits: 1 }] } }] })) };
    publish(both);
    await shop.event({ ...event('v-2', 'ext:B', 'visit', {}), time: '2027-01-05T00:00:00Z' });
    const first = (await shop.get('/v1/members/ext:B/tiers/history?limit=1')).body;
    assert.deepEqual(first.data.map((c) => c.set), ['visits']);
    const second = (await shop.get(`/v1/members/ext:B/tiers/history?limit=1&cursor=${first.next_cursor}`)).body;
    assert.deepEqual([second.data.map((c) => c.set), second.next_cursor], [['main'], null]);
    publish(document);
  });

  test('tiers are known for an instant in the past', async () => {
    const tier = async (at) => (await shop.get(`/v1/members/ext:A/tiers?as_of=${at}`)).body.data.map((t) => [t.tier, t.valid_until]);
    assert.deepEqual(await tier('2026-01-01T00:00:00Z'), [['gold', '2026-06-30T22:00:00.000Z'], ['regular', '2026-12-31T23:00:00.000Z']]);
    assert.deepEqual(await tier('2026-12-31T22:59:59Z'), [['silver', '2027-01-01T23:00:00.000Z'], ['regular', '2026-12-31T23:00:00.000Z']]);
    assert.deepEqual(await tier('2027-01-04T00:00:00Z'), [['bronze', null], ['regular', '2027-12-31T23:00:00.000Z']]);
    assert.deepEqual(await tier('2025-06-01T00:00:00Z'), [['bronze', null], ['guest', null]]);
    problem(await shop.get('/v1/members/ext:A/tiers?as_of=yesterday'), 422, 'invalid');
  });

  test('of a forgotten member the steps are left, without their reasons', async () => {
    const { id } = (await shop.get('/v1/members/ext:A')).body;
    assert.equal((await shop.ask('DELETE', `/v1/members/${id}`)).status, 200);
    const history = await shop.get(`/v1/members/${id}/tiers/history`);
    assert.equal(history.status, 200);
    assert.equal(history.body.data.length, 5);
    assert.doesNotMatch(history.text, /another program/);
  });
});
