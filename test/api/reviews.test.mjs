// Reviews: who may review what, staff, lists and what they add up to, at once and from two servers, erased and suspended members.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Instance, databases, onEach, problem } from './harness.mjs';

const document = {
  name: 'Shop', currency: 'EUR', wallets: [{ slug: 'points', returns: 'to_zero' }], stores: [{ slug: 'ams-1', name: 'Amsterdam' }, { slug: 'rtm-1', name: 'Rotterdam' }],
  reviews: { moderated: true, effects: [{ kind: 'earn', wallet: 'points', points: 20 }] },
};
let number = 0;
const event = (type, member, data, id = `v-${++number}`) => ({ specversion: '1.0', id, source: 'till', type, time: '2026-01-01T00:00:00Z', subject: `ext:${member}`, data });
const lines = (...skus) => skus.map((sku, i) => ({ id: `${i + 1}`, sku, amount: 100 }));
const bought = (member, id, skus = ['LATTE'], store = 'ams-1') => event('purchase', member, { amount: 100 * skus.length, currency: 'EUR', store, lines: lines(...skus) }, id);
const review = (member, order, more) => event('review.submitted', member, { original: { source: 'till', id: order }, stars: 5, ...more });

onEach('reviews', { document }, (shop) => {
  const active = async (member) => (await shop.balance(`ext:${member}`)).active;
  const send = async (e) => {
    const answer = await shop.event(e);
    assert.equal(answer.status, 201, answer.text);
    return answer.body;
  };
  before(async () => {
    await shop.serve();
    for (const m of ['ann', 'bob', 'sue', 'era']) await shop.post('/v1/members', { external_id: m });
    await send(bought('ann', 'o-1', ['LATTE', 'LATTE', 'CAKE']));
  });

  test('a review says what it is about, in stars and decent words', async () => {
    const wrong = async (data, pointer, code = 'invalid') => problem(await shop.event(event('review.submitted', 'ann', data)), 422, code, pointer);
    const original = { source: 'till', id: 'o-1' };
    await wrong({ sku: 'LATTE', stars: 5 }, '/data/original');
    await wrong({ original, sku: 'LATTE' }, '/data/stars');
    for (const stars of [0, 6, -1, 4.5, '5']) await wrong({ original, sku: 'LATTE', stars }, '/data/stars');
    await wrong({ original, sku: 'LATTE', stars: 2 ** 60 }, '/data/stars', 'overflow');
    await wrong({ original, stars: 5 }, '/data/store');
    await wrong({ original, sku: 'LATTE', store: 'ams-1', stars: 5 }, '/data/store');
    await wrong({ original, store: 'nowhere', stars: 5 }, '/data/store', 'unknown_store');
    await wrong({ original, sku: 'LATTE', stars: 5, text: '' }, '/data/text');
    await wrong({ original, sku: 'LATTE', stars: 5, text: 'x'.repeat(4001) }, '/data/text');
    await wrong({ original, sku: 'LATTE', stars: 5, text: 'a\u0007b' }, '/data/text');
    await wrong({ original, sku: 'LATTE', stars: 5, text: 'my card is 4111 1111 1111 1111' }, '/data/text');
    await wrong({ original, sku: 'LATTE', stars: 5, title: 'x' }, '/data/title', 'unknown_field');
    assert.equal((await shop.get('/v1/reviews')).body.data.length, 0);
  });

  test('many at once for one line are one review', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(review('ann', 'o-1', { line: '3', text: 'Crumbly.\nGood.' }))));
    assert.equal(answers.filter((a) => a.outcome === 'applied').length, 1);
    assert.ok(answers.filter((a) => a.outcome === 'refused').every((a) => a.reason === 'already_reviewed'));
    const { data } = (await shop.get('/v1/reviews?sku=CAKE')).body;
    assert.deepEqual([data.length, data[0].text, data[0].state, data[0].store], [1, 'Crumbly.\nGood.', 'pending', 'ams-1']);
    assert.equal((await send(review('bob', 'o-1', { line: '1' }))).reason, 'original_other_member');
  });

  test('a dry run writes nothing', async () => {
    const dry = await shop.event(review('ann', 'o-1', { line: '1' }), '?dry_run=true');
    assert.deepEqual([dry.status, dry.body.review.state], [200, 'pending']);
    assert.equal((await shop.get('/v1/reviews?sku=LATTE')).body.data.length, 0);
  });

  test('staff publish once, whatever they press', async () => {
    const { review: { id } } = await send(review('ann', 'o-1', { line: '1', stars: 4 }));
    const read = shop.createKey('reader', 'reviews:read');
    problem(await shop.post(`/v1/reviews/${id}/approve`, {}, { key: read }), 403, 'forbidden');
    const dry = await shop.post(`/v1/reviews/${id}/approve?dry_run=true`, {});
    assert.deepEqual([dry.status, dry.body.points[0].earned], [200, 20]);
    const answers = await Promise.all(Array.from({ length: 10 }, () => shop.post(`/v1/reviews/${id}/approve`, {})));
    assert.equal(answers.filter((a) => a.status === 201).length, 1);
    for (const a of answers.filter((x) => x.status !== 201)) problem(a, 409, 'review_decided');
    assert.equal(await active('ann'), 20);
    assert.equal((await shop.get(`/v1/reviews/${id}`, { key: read })).body.state, 'published');
    const key = { headers: { 'idempotency-key': 'down' } };
    const down = await shop.post(`/v1/reviews/${id}/reject`, { reason: 'spam' }, key);
    assert.deepEqual([down.status, down.body.points[0].revoked, down.body.review], [201, 20, { id, state: 'rejected' }]);
    assert.equal((await shop.post(`/v1/reviews/${id}/reject`, { reason: 'spam' }, key)).text, down.text);
    problem(await shop.post(`/v1/reviews/${id}/reject`, {}), 409, 'review_decided');
    problem(await shop.post(`/v1/reviews/${id}/approve`, {}), 409, 'review_decided');
    problem(await shop.post(`/v1/reviews/${id}/approve`, { points: 5 }), 422, 'unknown_field', '/points');
    problem(await shop.post('/v1/reviews/rvw_0000000000000/approve', {}), 404, 'not_found');
    problem(await shop.get('/v1/reviews/evt_1'), 404, 'not_found');
    assert.equal(await active('ann'), 0);
    const types = (await shop.get('/v1/members/ext:ann/timeline?limit=1000')).body.data.map((e) => e.type);
    assert.deepEqual(types.slice(0, 3), ['review.rejected', 'review.published', 'review.submitted']);
  });

  test('lists page and filter; what is published adds up', async () => {
    for (let i = 0; i < 7; i += 1) {
      await shop.post('/v1/members', { external_id: `l${i}` });
      await send(bought(`l${i}`, `l-${i}`, ['TEA', 'PIE/1 "x"'], i % 2 ? 'ams-1' : 'rtm-1'));
      const made = [review(`l${i}`, `l-${i}`, { sku: 'TEA', stars: (i % 5) + 1 }), review(`l${i}`, `l-${i}`, { store: i % 2 ? 'ams-1' : 'rtm-1', stars: 2 }), review(`l${i}`, `l-${i}`, { sku: 'PIE/1 "x"', stars: 3 })];
      for (const one of made) {
        const { review: { id } } = await send(one);
        await shop.post(`/v1/reviews/${id}/approve`, {});
      }
    }
    const seen = [];
    let cursor = '';
    do {
      const { body } = await shop.get(`/v1/reviews?sku=TEA&limit=3${cursor}`);
      seen.push(...body.data);
      cursor = body.next_cursor && `&cursor=${body.next_cursor}`;
    } while (cursor);
    assert.deepEqual(seen.map((r) => r.stars), [2, 1, 5, 4, 3, 2, 1]);
    const count = async (query) => (await shop.get(`/v1/reviews?limit=1000&${query}`)).body.data.length;
    assert.deepEqual([await count('sku=TEA&stars=1'), await count('sku=TEA&store=ams-1'), await count('store=rtm-1'), await count('member=ext:l0'), await count('state=rejected'), await count('stars=2&state=published')],
      [2, 3, 12, 3, 1, 9]);
    assert.deepEqual((await shop.get('/v1/reviews/products?sku=TEA')).body.data, [{ sku: 'TEA', count: 7, average: '2.57', stars: [2, 2, 1, 1, 1] }]);
    const first = (await shop.get('/v1/reviews/products?limit=1')).body;
    const second = (await shop.get(`/v1/reviews/products?limit=1&cursor=${encodeURIComponent(first.next_cursor)}`)).body;
    assert.deepEqual([first.data[0].sku, second.data[0].sku, second.next_cursor], ['PIE/1 "x"', 'TEA', null]);
    assert.deepEqual((await shop.get('/v1/reviews/stores')).body.data.map((s) => [s.store, s.count, s.average]), [['ams-1', 3, '2.00'], ['rtm-1', 4, '2.00']]);
    assert.deepEqual((await shop.get('/v1/reviews/products?sku=NONE')).body.data, []);
    for (const bad of ['stars=0', 'stars=6', 'stars=x', 'state=open', 'limit=0', 'cursor=x', 'sku=']) problem(await shop.get(`/v1/reviews?${bad}`), 422, 'invalid');
    problem(await shop.get('/v1/reviews?member=ext:none'), 404, 'not_found');
  });

  test('a suspended member\'s review can be rejected, and published when they are resumed', async () => {
    await send(bought('sue', 's-1', ['LATTE', 'CAKE']));
    const [a, b] = [(await send(review('sue', 's-1', { line: '1' }))).review.id, (await send(review('sue', 's-1', { line: '2' }))).review.id];
    await shop.post('/v1/members/ext:sue/suspend', {});
    assert.equal((await send(review('sue', 's-1', { store: 'ams-1' }))).reason, 'suspended');
    problem(await shop.post(`/v1/reviews/${a}/approve`, {}), 422, 'suspended');
    assert.equal((await shop.post(`/v1/reviews/${b}/reject`, {})).status, 201);
    await shop.post('/v1/members/ext:sue/resume', {});
    assert.equal((await shop.post(`/v1/reviews/${a}/approve`, {})).status, 201);
    assert.equal(await active('sue'), 20);
  });

  test('an erased member\'s words go, their stars stay', async () => {
    await send(bought('era', 'e-1', ['SOUP', 'CAKE']));
    const [a, b] = [(await send(review('era', 'e-1', { line: '1', text: 'SECRETWORDS' }))).review.id, (await send(review('era', 'e-1', { line: '2', text: 'x' }))).review.id];
    await shop.post(`/v1/reviews/${a}/approve`, {});
    await shop.ask('DELETE', '/v1/members/ext:era');
    const { data } = (await shop.get('/v1/reviews?sku=SOUP')).body;
    assert.deepEqual(data.map((r) => [r.stars, r.text, r.state]), [[5, null, 'published']]);
    problem(await shop.get(`/v1/reviews/${b}`), 404, 'not_found');
    problem(await shop.post(`/v1/reviews/${b}/approve`, {}), 404, 'not_found');
    problem(await shop.post(`/v1/reviews/${a}/reject`, {}), 404, 'not_found');
    assert.notEqual((await send(review('era', 'e-1', { store: 'ams-1' }))).outcome, 'applied'); // a stranger now, of whom it is not
    shop.run('verify');
  });

  test('a refund takes back what fifty reviews of a purchase brought', async () => {
    const skus = Array.from({ length: 51 }, (_, i) => `S-${i}`);
    await shop.post('/v1/members', { external_id: 'max' });
    await send(bought('max', 'm-1', skus));
    const ids = [];
    for (let i = 0; i < 50; i += 1) ids.push((await send(review('max', 'm-1', { line: `${i + 1}` }))).review.id);
    assert.equal((await send(review('max', 'm-1', { line: '51' }))).reason, 'limit_reached');
    await Promise.all(ids.map((id) => shop.post(`/v1/reviews/${id}/approve`, {})));
    assert.equal(await active('max'), 1000);
    const refund = await send(event('refund', 'max', { original: { source: 'till', id: 'm-1' } }));
    assert.deepEqual([refund.outcome, await active('max')], ['applied', 0]);
    shop.run('verify');
  });
});

onEach('a program without reviews', { document: { name: 'Shop', currency: 'EUR', wallets: [{ slug: 'points' }] } }, (shop) => {
  before(() => shop.serve());

  test('takes none', async () => {
    await shop.post('/v1/members', { external_id: 'ann' });
    problem(await shop.event(review('ann', 'o-1', { sku: 'LATTE' })), 422, 'invalid', '/type');
    assert.deepEqual((await shop.get('/v1/reviews')).body, { data: [], next_cursor: null });
  });
});

if (databases.includes('postgres')) {
  describe('reviews, by two servers on one database', () => {
    const shop = new Instance('postgres', { document });
    const other = Object.create(shop); // its own process and address, the same keys and database
    before(() => Promise.all([shop.serve(), other.serve()]));
    after(() => other.stop());

    test('one line is reviewed once, published or rejected once', async () => {
      for (let round = 0; round < 5; round += 1) {
        const member = `p${round}`;
        await shop.post('/v1/members', { external_id: member });
        await shop.event(bought(member, `p-${round}`));
        const sent = await Promise.all(Array.from({ length: 8 }, (_, i) => [shop, other][i % 2].event(review(member, `p-${round}`, { sku: 'LATTE' }))));
        const done = sent.filter((a) => a.body.outcome === 'applied');
        assert.equal(done.length, 1);
        const { id } = done[0].body.review;
        const judged = await Promise.all(Array.from({ length: 8 }, (_, i) => [shop, other][i % 2].post(`/v1/reviews/${id}/${i < 4 ? 'approve' : 'reject'}`, {})));
        const { state } = (await other.get(`/v1/reviews/${id}`)).body;
        assert.equal(judged.slice(4).filter((a) => a.status === 201).length, 1); // rejecting always comes through, and is the end
        assert.deepEqual([state, (await shop.balance(`ext:${member}`)).active], ['rejected', 0]);
      }
      shop.run('verify');
    });
  });
}
