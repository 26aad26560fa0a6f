// Every write leaves its trace: an entry in the audit log by the key that did it, or an event in the member's timeline.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { onEach, program, purchase, root } from './harness.mjs';

const routes = [...readFileSync(join(root, 'src/api/routes.def'), 'utf8').matchAll(/^(?:OWN|WRITE|TRIED)\((\w+), "([^"]+)"/gm)]
  .map(([, method, path]) => `${method} ${path}`)
  .filter((route) => !route.startsWith('GET ') && route !== 'POST /v1/test/clock'); // the clock of a test instance has no key's work to show

const document = {
  ...program,
  quizzes: [{ slug: 'beans', questions: [{ slug: 'q', options: [{ slug: 'a', right: true }, { slug: 'b' }] }], pass: 1 }],
  surveys: [{ slug: 'nps', questions: [{ slug: 'score', kind: 'nps' }] }],
  rewards: [
    { slug: 'cup', kind: 'free_product', price: [{ wallet: 'stars', points: 1 }], reserve_minutes: 5 },
    { slug: 'parcel', kind: 'physical', price: [{ wallet: 'stars', points: 1 }] },
    { slug: 'voucher', kind: 'coupon' },
  ],
  contests: [{ slug: 'over', window: { until: '2025-12-31' }, entries: [{ trigger: 'contest.entered' }] }],
  reviews: { moderated: true },
  redemption_codes: [{ slug: 'pack', codes: 'pool' }, { slug: 'made', codes: 'generated' }],
};

onEach('traces of', { document }, (shop) => {
  let n = 0;
  const subject = 'ext:A-1';
  const ok = async (promise) => {
    const answer = await promise;
    assert.ok(answer.status < 300, `${answer.status} ${answer.text}`);
    return answer.body;
  };
  const buy = async (reward) => (await ok(shop.post(`/v1/members/${subject}/rewards`, { reward }))).rewards[0].id;
  const issued = async (reward, verb, body = {}) => ok(shop.post(`/v1/rewards/issued/${await buy(reward)}/${verb}`, body));

  const judged = async (verb) => {
    const order = purchase({ lines: [{ sku: 'LATTE', amount: 4550 }] }, { subject });
    await ok(shop.event(order));
    const { review } = await ok(shop.event({ ...order, id: `${order.id}-review`, type: 'review.submitted', data: { original: { id: order.id }, sku: 'LATTE', stars: 5 } }));
    await ok(shop.post(`/v1/reviews/${review.id}/${verb}`, {}));
  };

  // What each route leaves, and how it is called: [where, what, call]. `audit`: the action; `event`: the type in the member's timeline.
  const traces = {
    'POST /v1/events': ['event', 'purchase', () => ok(shop.event(purchase({}, { subject })))],
    'POST /v1/events/batch': ['event', 'purchase', () => ok(shop.post('/v1/events/batch', [purchase({}, { subject })]))],
    'POST /v1/members': ['event', 'member.enrolled', async () => {
      const made = await ok(shop.post('/v1/members', { external_id: `B-${n += 1}` }));
      return `${made.id}`;
    }],
    'PATCH /v1/members/{id}': ['audit', 'member.patch', () => ok(shop.ask('PATCH', `/v1/members/${subject}`, { city: `City ${n += 1}` }))],
    'DELETE /v1/members/{id}': ['audit', 'member.erase', async () => {
      const made = await ok(shop.post('/v1/members', { external_id: `B-${n += 1}` }));
      await ok(shop.ask('DELETE', `/v1/members/${made.id}`));
    }],
    'POST /v1/reviews/{id}/approve': ['event', 'review.published', () => judged('approve')],
    'POST /v1/reviews/{id}/reject': ['event', 'review.rejected', () => judged('reject')],
    'POST /v1/members/{id}/tiers': ['event', 'tier.granted', () => ok(shop.post(`/v1/members/${subject}/tiers`, { set: 'main', tier: 'silver', reason: 'x' }))],
    'POST /v1/members/{id}/adjustments': ['event', 'points.adjusted', () => ok(shop.post(`/v1/members/${subject}/adjustments`, { wallet: 'stars', points: 3, reason: 'x' }))],
    'POST /v1/members/{id}/card': ['audit', 'member.card', () => ok(shop.post(`/v1/members/${subject}/card`, {}))],
    'POST /v1/members/{id}/suspend': ['audit', 'member.suspend', () => ok(shop.post(`/v1/members/${subject}/suspend`, {}))],
    'POST /v1/members/{id}/resume': ['audit', 'member.resume', () => ok(shop.post(`/v1/members/${subject}/resume`, {}))],
    'PUT /v1/program/draft': ['audit', 'program.draft', async () => {
      const draft = await shop.get('/v1/program/draft');
      await ok(shop.ask('PUT', '/v1/program/draft', { ...document, name: `Shop ${n += 1}` }, { headers: { 'if-match': draft.headers.get('etag') ?? '*' } }));
    }],
    'POST /v1/program/publish': ['audit', 'program.publish', async () => {
      const draft = await shop.get('/v1/program/draft');
      await ok(shop.post('/v1/program/publish', { comment: 'x' }, { headers: { 'if-match': draft.headers.get('etag') } }));
    }],
    'POST /v1/program/rollback': ['audit', 'program.rollback', () => ok(shop.post('/v1/program/rollback', { version: 1, comment: 'x' }))],
    'POST /v1/rewards/issued/{id}/use': ['event', 'reward.used', () => issued('cup', 'use', { reference: 'r' })],
    'POST /v1/rewards/issued/{id}/reserve': ['event', 'reward.reserved', () => issued('cup', 'reserve')],
    'POST /v1/rewards/issued/{id}/release': ['event', 'reward.released', async () => {
      const id = await buy('cup');
      await ok(shop.post(`/v1/rewards/issued/${id}/reserve`, {}));
      await ok(shop.post(`/v1/rewards/issued/${id}/release`, {}));
    }],
    'POST /v1/rewards/issued/{id}/cancel': ['event', 'reward.cancelled', () => issued('cup', 'cancel', { reason: 'x' })],
    'POST /v1/rewards/issued/{id}/fulfil': ['event', 'reward.fulfilled', () => issued('parcel', 'fulfil', { status: 'packed' })],
    'POST /v1/rewards/{slug}/codes': ['audit', 'codes.upload', () => ok(shop.post('/v1/rewards/voucher/codes', `V-${n += 1}-AAAA`, { type: 'text/plain' }))],
    'POST /v1/members/{id}/rewards': ['event', 'reward.bought', () => buy('cup')],
    'POST /v1/quizzes/{slug}/attempts': ['event', 'quiz.completed', () => ok(shop.post('/v1/quizzes/beans/attempts', { member: subject, answers: { q: 'a' } }))],
    'POST /v1/surveys/{slug}/responses': ['event', 'survey.completed', () => ok(shop.post('/v1/surveys/nps/responses', { member: subject, answers: { score: 9 } }))],
    'POST /v1/redemption-codes/{slug}/codes': ['audit', 'codes.upload', () => ok(shop.post('/v1/redemption-codes/pack/codes', `R-${n += 1}-AAAA`, { type: 'text/plain' }))],
    'POST /v1/redemption-codes/{slug}/generate': ['audit', 'codes.generate', () => ok(shop.post('/v1/redemption-codes/made/generate', { count: 2 }))],
    'POST /v1/contests/{slug}/draw': ['audit', 'contest.draw', () => ok(shop.post('/v1/contests/over/draw'))],
    'POST /v1/keys': ['audit', 'key.create', () => ok(shop.post('/v1/keys', { name: `k-${n += 1}`, scopes: ['members:read'] }))],
    'DELETE /v1/keys/{id}': ['audit', 'key.revoke', async () => {
      const made = await ok(shop.post('/v1/keys', { name: `k-${n += 1}`, scopes: ['members:read'] }));
      await ok(shop.ask('DELETE', `/v1/keys/${made.id}`));
    }],
  };

  let actor;
  before(async () => {
    await shop.serve();
    await ok(shop.post('/v1/members', { external_id: 'A-1' }));
    await ok(shop.post(`/v1/members/${subject}/adjustments`, { wallet: 'stars', points: 100, reason: 'to buy with' }));
    const all = (await ok(shop.get('/v1/keys'))).data;
    actor = all.find((key) => key.name === 'test').id;
  });

  test('every route that writes is looked at here', () => {
    assert.deepEqual(Object.keys(traces).toSorted(), routes.toSorted());
  });

  for (const [route, [where, what, call]] of Object.entries(traces)) {
    test(`${route} leaves ${what} in the ${where === 'audit' ? 'audit log' : 'timeline'}`, async () => {
      const audit = async () => (await ok(shop.get('/v1/audit?limit=1000'))).data;
      const events = async (member) => (await ok(shop.get(`/v1/members/${member}/timeline?limit=1000`))).data;
      const [auditBefore, eventsBefore] = [await audit(), await events(subject)];
      const member = await call();
      if (where === 'audit') {
        const fresh = (await audit()).filter((entry) => entry.seq > auditBefore[0].seq);
        const entry = fresh.find((one) => one.action === what);
        assert.ok(entry, `${what} is not among ${fresh.map((one) => one.action)}`);
        assert.equal(entry.actor, actor);
      } else {
        const own = typeof member === 'string' && member.startsWith('mbr_') ? member : subject;
        const known = new Set(eventsBefore.map((event) => event.id));
        const fresh = (await events(own)).filter((event) => !known.has(event.id));
        const event = fresh.find((one) => one.type === what);
        assert.ok(event, `${what} is not among ${fresh.map((one) => one.type)}`);
        assert.equal(event.credential, actor);
      }
    });
  }
});
