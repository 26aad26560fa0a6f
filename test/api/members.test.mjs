// Members, their points and their history.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { onEach, problem, program, purchase } from './harness.mjs';

const ann = { external_id: 'A-1', email: 'Ann@Example.org', phone: '+31 6 1234 5678', name: { given: 'Ann', family: 'Sørensen' },
  birth_date: '1990-02-01', language: 'nl', country: 'NL', city: 'Delft', attributes: {}, tags: ['early'],
  consents: [{ purpose: 'marketing', channel: 'email', granted: true }] };
const keyed = (key) => ({ headers: { 'idempotency-key': key } });

onEach('members', {}, (shop) => {
  before(() => shop.serve());

  test('an enrolled member is found by every identifier', async () => {
    const made = await shop.post('/v1/members', ann);
    assert.equal(made.status, 201, made.text);
    assert.equal(made.body.status, 'active');
    assert.equal(made.body.enrolled_at, '2026-01-01T00:00:00.000Z');
    assert.deepEqual(made.body.balances.map((b) => b.active), [0, 0]);
    for (const name of [made.body.id, 'ext:A-1', 'email:ann@example.ORG', 'phone:0031612345678']) {
      const found = await shop.get(`/v1/members/${encodeURIComponent(name)}`);
      assert.equal(found.status, 200, found.text);
      assert.equal(found.body.id, made.body.id);
    }
    assert.equal((await shop.post('/v1/members/lookup', { email: 'ann@example.org' })).body.id, made.body.id);
    problem(await shop.post('/v1/members/lookup', { email: 'bob@example.org' }), 404, 'not_found');
    problem(await shop.post('/v1/members/lookup', { email: 'a@example.org', phone: '+31612345678' }), 422, 'invalid');
    for (const query of ['sorensen', 'ann SØRENSEN', 'A-1', 'ext:A-1', 'ann@example.org']) {
      const { body } = await shop.get(`/v1/members?query=${encodeURIComponent(query)}`);
      assert.deepEqual(body.data.map((m) => m.id), [made.body.id], query);
    }
    assert.deepEqual((await shop.get('/v1/members?query=nobody')).body, { data: [], next_cursor: null });
  });

  test('an enrolment can be tried, and what cannot be tried is not done', async () => {
    const dry = await shop.post('/v1/members?dry_run=true', { external_id: 'DRY', name: { given: 'Dora' } });
    assert.deepEqual([dry.status, dry.body.id, dry.body.name.given, dry.body.balances[0].active], [200, null, 'Dora', 0], dry.text);
    problem(await shop.get('/v1/members/ext:DRY'), 404, 'not_found');
    problem(await shop.post('/v1/members?dry_run=true', { external_id: 'A-1' }), 409, 'identifier_taken');
    problem(await shop.ask('DELETE', '/v1/members/ext:A-1?dry_run=true'), 422, 'not_supported');
    assert.equal((await shop.get('/v1/members/ext:A-1')).body.status, 'active');
  });

  test('an identifier belongs to one member', async () => {
    problem(await shop.post('/v1/members', { email: 'ANN@example.org' }), 409, 'identifier_taken');
    await shop.post('/v1/members', { external_id: 'A-2' });
    problem(await shop.ask('PATCH', '/v1/members/ext:A-2', { external_id: 'A-1' }), 409, 'identifier_taken');
  });

  test('fields that nobody may set are unknown', async () => {
    for (const field of ['id', 'status', 'balance', 'balances', 'tier', 'tiers', 'enrolled_at', 'revision', 'role']) {
      problem(await shop.post('/v1/members', { external_id: 'A-3', [field]: 1 }), 422, 'unknown_field', `/${field}`);
      problem(await shop.ask('PATCH', '/v1/members/ext:A-1', { [field]: 1 }), 422, 'unknown_field', `/${field}`);
    }
    problem(await shop.post('/v1/members', []), 422, 'invalid');
    problem(await shop.post('/v1/members', ''), 422, 'invalid');
    problem(await shop.post('/v1/members', { external_id: 'A-3', referral_code: 'X' }), 422, 'invalid', '/referral_code');
    problem(await shop.post('/v1/members', { external_id: 'A-3', name: { given: '4111 1111 1111 1111' } }), 422, 'invalid', '/name/given');
  });

  test('a patch changes what it names', async () => {
    const patched = await shop.ask('PATCH', '/v1/members/ext:A-1', { city: 'Leiden', phone: null, tags: ['vip'] });
    assert.equal(patched.status, 200, patched.text);
    assert.deepEqual([patched.body.city, patched.body.phone, patched.body.email, patched.body.tags], ['Leiden', null, 'Ann@Example.org', ['vip']]);
    problem(await shop.get('/v1/members/phone:%2B31612345678'), 404, 'not_found');
    const { body } = await shop.get('/v1/members/ext:A-1/timeline');
    assert.deepEqual(body.data.map((e) => [e.type, e.reason]), [['member.changed', 'patch'], ['member.enrolled', null]]);
  });

  test('a suspended member earns nothing until the suspension ends', async () => {
    assert.equal((await shop.post('/v1/members/ext:A-2/suspend')).body.status, 'suspended');
    const refused = await shop.event(purchase({}, { subject: 'ext:A-2' }));
    assert.equal(refused.status, 201);
    assert.deepEqual([refused.body.outcome, refused.body.reason], ['refused', 'suspended']);
    problem(await shop.post('/v1/members/ext:A-2/adjustments', { wallet: 'points', points: 5, reason: 'x' }), 422, 'suspended');
    assert.equal((await shop.post('/v1/members/ext:A-2/resume', {})).body.status, 'active');
    assert.equal((await shop.event(purchase({}, { subject: 'ext:A-2' }))).body.outcome, 'applied');
    problem(await shop.post('/v1/members/ext:A-2/suspend', { why: 'x' }), 422, 'unknown_field', '/why');
  });

  test('adjustments are booked with their reason', async () => {
    const url = '/v1/members/ext:A-1/adjustments';
    const made = await shop.post(url, { wallet: 'points', points: 250, reason: 'Late delivery' }, keyed('adj-1'));
    assert.equal(made.status, 201, made.text);
    assert.equal(made.body.event.type, 'points.adjusted');
    assert.match(made.body.event.source, /^api\/key_/);
    assert.equal(made.body.event.external_id, 'adj-1');
    assert.equal(made.body.balances[0].active, 250);
    problem(await shop.post(url, { wallet: 'points', points: -251, reason: 'x' }), 422, 'not_enough_points', '/points');
    assert.equal((await shop.post(url, { wallet: 'points', points: -50, reason: 'x' }, keyed('adj-2'))).body.balances[0].active, 200);
    problem(await shop.post(url, { wallet: 'gold', points: 1, reason: 'x' }), 422, 'invalid', '/wallet');
    problem(await shop.post(url, { wallet: 'points', points: 0, reason: 'x' }), 422, 'invalid', '/points');
    problem(await shop.post(url, { wallet: 'points', points: 1.5, reason: 'x' }), 422, 'invalid', '/points');
    problem(await shop.post(url, { wallet: 'points', points: 1000000000001, reason: 'x' }), 422, 'invalid', '/points');
    problem(await shop.post(url, { wallet: 'points', points: 5 }), 422, 'invalid', '/reason');
    problem(await shop.post(url, { wallet: 'points', points: 5, reason: 'card 4111-1111-1111-1111' }), 422, 'invalid', '/reason');
    problem(await shop.post('/v1/members/ext:NOBODY/adjustments', { wallet: 'points', points: 5, reason: 'x' }), 404, 'not_found');
    const dry = await shop.post(`${url}?dry_run=true`, { wallet: 'points', points: 5, reason: 'x' });
    assert.deepEqual([dry.status, dry.body.event.id, dry.body.balances[0].active], [200, null, 205]);
    const { body } = await shop.get('/v1/members/ext:A-1/transfers');
    assert.deepEqual(body.data.map((t) => [t.kind, t.active, t.reason]), [['adjust', -50, 'x'], ['adjust', 250, 'Late delivery']]);
    assert.match(body.data[0].actor, /^key_/);
  });

  test('all transfers add up to the balance, page by page, and lots too', async () => {
    for (let i = 0; i < 12; i++) await shop.event(purchase({ amount: 1000 + i * 100 }, { subject: 'ext:P-1', id: `p-${i}` }));
    await shop.event({ ...purchase(), type: 'refund', subject: 'ext:P-1', data: { original: { id: 'p-3' } } });
    await shop.post('/v1/members/ext:P-1/adjustments', { wallet: 'points', points: 40, reason: 'x' });
    const balance = await shop.balance('ext:P-1');
    for (const limit of [1, 5, 1000]) {
      const all = await pages(`/v1/members/ext:P-1/transfers?limit=${limit}`);
      assert.equal(all.length, 14);
      const sum = (name) => all.reduce((total, t) => total + t[name], 0);
      assert.deepEqual([sum('active'), sum('pending'), sum('debt')], [balance.active, balance.pending, balance.debt]);
      assert.deepEqual(all.map((t) => t.id), all.map((t) => t.id).toSorted().reverse());
    }
    const lots = await pages('/v1/members/ext:P-1/lots?limit=5');
    assert.equal(new Set(lots.map((l) => l.id)).size, lots.length);
    assert.equal(lots.reduce((total, l) => total + l.active, 0), balance.active);
    assert.equal(lots.reduce((total, l) => total + l.pending, 0), balance.pending);
    const timeline = await pages('/v1/members/ext:P-1/timeline?limit=4');
    assert.equal(timeline.length, 15);
    assert.equal(timeline.at(-1).type, 'member.enrolled');
  });

  async function pages(path) {
    const all = [];
    for (let cursor = ''; cursor !== null;) {
      const { body } = await shop.get(path + (cursor ? `&cursor=${cursor}` : ''));
      assert.ok(body.data.length <= Number(/limit=(\d+)/.exec(path)[1]));
      all.push(...body.data);
      cursor = body.next_cursor;
    }
    return all;
  }

  test('members are listed newest first, once each, whatever the page', async () => {
    for (let i = 0; i < 7; i++) await shop.post('/v1/members', { external_id: `L-${i}`, name: { given: 'Lee' } });
    const all = await pages('/v1/members?limit=1000');
    for (const limit of [1, 3]) assert.deepEqual(await pages(`/v1/members?limit=${limit}`), all);
    assert.deepEqual((await pages('/v1/members?query=lee&limit=2')).map((m) => m.external_id), [6, 5, 4, 3, 2, 1, 0].map((i) => `L-${i}`));
  });

  test('a forgotten member is nobody any more, and the ledger stays', async () => {
    const made = await shop.post('/v1/members', { external_id: 'F-1', email: 'forget@example.org', name: { given: 'Forgotten' } });
    await shop.event(purchase({}, { subject: 'ext:F-1', id: 'forgotten-order' }));
    const erased = await shop.ask('DELETE', '/v1/members/ext:F-1');
    assert.equal(erased.status, 200, erased.text);
    assert.equal(erased.body.status, 'erased');
    problem(await shop.get('/v1/members/ext:F-1'), 404, 'not_found');
    problem(await shop.get('/v1/members/email:forget@example.org'), 404, 'not_found');
    assert.deepEqual((await shop.get('/v1/members?query=forgotten')).body.data, []);
    const { id } = made.body;
    const left = await shop.get(`/v1/members/${id}`);
    assert.equal(left.body.status, 'erased');
    assert.doesNotMatch(left.text, /forget@|Forgotten|F-1/);
    const timeline = await shop.get(`/v1/members/${id}/timeline`);
    assert.equal(timeline.status, 200);
    assert.doesNotMatch(timeline.text, /forgotten-order|F-1/);
    const transfers = (await shop.get(`/v1/members/${id}/transfers`)).body.data;
    assert.deepEqual(transfers.map((t) => [t.kind, t.pending]), [['revoke', -45], ['earn', 45]]); // their points are void
    assert.deepEqual((await shop.get(`/v1/members/${id}/balances`)).body.data.map((b) => [b.active, b.pending]), [[0, 0], [0, 0]]);
    assert.equal(timeline.body.data[0].type, 'member.erased');
    problem(await shop.ask('PATCH', `/v1/members/${id}`, { city: 'x' }), 404, 'not_found');
    problem(await shop.event(purchase({}, { subject: id })), 422, 'unknown_member');
    // A refund of theirs is accepted without effect, for ever, whoever it names as its subject.
    for (const [i, subject] of ['ext:F-1', id].entries()) {
      const refund = { ...purchase({}, { subject, id: `forgotten-refund-${i}` }), type: 'refund', data: { original: { id: 'forgotten-order' } } };
      const accepted = await shop.event(refund);
      assert.equal(accepted.status, 201, accepted.text);
      assert.deepEqual([accepted.body.outcome, accepted.body.member], ['applied', id]);
      assert.ok(accepted.body.points.every((p) => p.earned === 0 && p.revoked === 0));
      const again = await shop.event(refund);
      assert.deepEqual([again.status, again.text], [200, accepted.text]);
      assert.equal((await shop.event(refund, '?dry_run=true')).status, 200);
    }
    assert.equal((await shop.get(`/v1/members/${id}/transfers`)).body.data.length, 2);
    assert.equal((await shop.post('/v1/members', { external_id: 'F-1' })).status, 201);
  });

  test('members are named in no other way', async () => {
    for (const name of ['1', 'ext:', 'name:ann', 'mbr_0', 'mbr_0000000000001', '..', "ext:' OR 1=1 --"]) {
      assert.equal((await shop.get(`/v1/members/${encodeURIComponent(name)}/balances`)).status, 404, name);
    }
  });

  test('balances are known for an instant in the past', async () => {
    assert.equal((await shop.get('/v1/members/ext:P-1/balances?as_of=2025-12-31T00:00:00Z')).body.data[0].pending, 0);
    assert.deepEqual((await shop.get('/v1/members/ext:P-1/balances?as_of=2026-01-01T00:00:00Z')).body.data[0].active, 40);
    problem(await shop.get('/v1/members/ext:P-1/balances?as_of=yesterday'), 422, 'invalid');
    problem(await shop.get('/v1/members/ext:P-1/lots?as_of=2026-01-01T00:00:00Z'), 422, 'not_supported');
  });
});

onEach('changes', { document: { ...program, unknown_members: 'hold' } }, (shop) => {
  before(() => shop.serve());

  test('a patch that adds an identifier decides what was held for it, in order, and answers with the balances after it', async () => {
    await shop.post('/v1/members', { external_id: 'H-1' });
    const till = { subject: 'phone:+31201234567' };
    assert.equal((await shop.event(purchase({}, { ...till, id: 'held-1' }))).body.outcome, 'held');
    assert.equal((await shop.event(purchase({ amount: 10000 }, { ...till, id: 'held-2' }))).body.outcome, 'held');
    const patched = await shop.ask('PATCH', '/v1/members/ext:H-1', { phone: '020 123 4567', country: 'NL' });
    assert.equal(patched.status, 422, 'a phone needs its country code'); // nothing was changed, nothing decided
    assert.equal((await shop.balance('ext:H-1')).pending, 0);
    const { status, body } = await shop.ask('PATCH', '/v1/members/ext:H-1', { phone: '+31 20 123 4567' }, keyed('patch-1'));
    assert.equal(status, 200);
    assert.deepEqual(body.balances.map((b) => [b.wallet, b.pending + b.active]), [['points', 145], ['stars', 5]]);
    const timeline = (await shop.get('/v1/members/ext:H-1/timeline')).body.data;
    assert.deepEqual(timeline.map((e) => e.type), ['purchase', 'purchase', 'member.changed', 'member.enrolled']);
    assert.deepEqual(timeline.map((e) => e.external_id).slice(0, 2), ['held-2', 'held-1']);
    const again = await shop.ask('PATCH', '/v1/members/ext:H-1', { phone: '+31 20 123 4567' }, keyed('patch-1'));
    assert.deepEqual(again.body, body);
    assert.equal((await shop.get('/v1/members/ext:H-1/timeline')).body.data.length, 4);
    const replayed = await shop.event(purchase({}, { ...till, id: 'held-1' }));
    assert.deepEqual([replayed.status, replayed.body.outcome], [200, 'held']);
  });

  test('a change that is refused leaves no line in the timeline', async () => {
    await shop.post('/v1/members', { external_id: 'H-2' });
    problem(await shop.ask('PATCH', '/v1/members/ext:H-2', { external_id: 'H-1' }), 409, 'identifier_taken');
    assert.deepEqual((await shop.get('/v1/members/ext:H-2/timeline')).body.data.map((e) => e.type), ['member.enrolled']);
    await shop.post('/v1/members/ext:H-2/suspend');
    await shop.post('/v1/members/ext:H-2/resume');
    assert.deepEqual((await shop.get('/v1/members/ext:H-2/timeline')).body.data.map((e) => [e.type, e.reason]),
      [['member.changed', 'resume'], ['member.changed', 'suspend'], ['member.enrolled', null]]);
  });
});

onEach('idempotency', {}, (shop) => {
  before(() => shop.serve());

  test('the same key and body get the same answer; another body is refused', async () => {
    const writes = [
      ['POST', '/v1/members', { external_id: 'I-1' }, { external_id: 'I-2' }],
      ['POST', '/v1/members/ext:I-1/adjustments', { wallet: 'points', points: 10, reason: 'a' }, { wallet: 'points', points: 11, reason: 'a' }],
      ['PATCH', '/v1/members/ext:I-1', { city: 'A' }, { city: 'B' }],
      ['POST', '/v1/members/ext:I-1/suspend', undefined, { x: 1 }],
      ['POST', '/v1/members/ext:I-1/resume', {}, { x: 1 }],
      ['PUT', '/v1/program/draft', { name: 'a' }, { name: 'b' }],
      ['POST', '/v1/keys', { name: 'k', scopes: ['test'] }, { name: 'l', scopes: ['test'] }],
      ['POST', '/v1/program/rollback', { version: 1 }, { version: 1, comment: 'x' }],
      ['DELETE', '/v1/members/ext:I-1', undefined, undefined],
    ];
    for (const [i, [method, path, body, other]] of writes.entries()) {
      const key = keyed(`idem-${i}`);
      const first = await shop.ask(method, path, body, key);
      assert.ok(first.status < 300, `${method} ${path}: ${first.text}`);
      assert.equal(first.headers.get('idempotency-replayed'), null);
      const again = await shop.ask(method, path, body && JSON.stringify(body, null, 3), key);
      assert.deepEqual([again.status, again.text, again.headers.get('idempotency-replayed'), again.headers.get('etag')],
        [first.status, first.text, 'true', first.headers.get('etag')], `${method} ${path}`);
      if (other !== undefined) problem(await shop.ask(method, path, other, key), 422, 'key_reused');
    }
  });

  test('an answer about a member ends with the member', async () => {
    const made = await shop.post('/v1/members', { external_id: 'I-20', city: 'Delft' }, keyed('gone-1'));
    const patched = await shop.ask('PATCH', '/v1/members/ext:I-20', { city: 'Leiden' }, keyed('gone-2'));
    assert.deepEqual([made.status, patched.status], [201, 200]);
    const erased = await shop.ask('DELETE', '/v1/members/ext:I-20', undefined, keyed('gone-3'));
    assert.equal(erased.status, 200);
    const again = await shop.ask('PATCH', '/v1/members/ext:I-20', { city: 'Leiden' }, keyed('gone-2'));
    problem(again, 404, 'not_found');
    assert.match(again.body.detail, /erased since/);
    problem(await shop.post('/v1/members', { external_id: 'I-20', city: 'Delft' }, keyed('gone-1')), 404, 'not_found');
    problem(await shop.ask('PATCH', '/v1/members/ext:I-20', { city: 'Gouda' }, keyed('gone-2')), 422, 'key_reused');
    assert.equal((await shop.ask('DELETE', '/v1/members/ext:I-20', undefined, keyed('gone-3'))).text, erased.text);
  });

  test('refusals are kept too, and keys of another credential are others', async () => {
    const body = { external_id: 'I-9', email: 'no' };
    const first = await shop.post('/v1/members', body, keyed('bad'));
    assert.equal(first.status, 422);
    const again = await shop.post('/v1/members', body, keyed('bad'));
    assert.equal(again.text, first.text);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    const other = shop.createKey('other', 'all');
    assert.equal((await shop.post('/v1/members', { external_id: 'I-9' }, { ...keyed('bad'), key: other })).status, 201);
    problem(await shop.post('/v1/members', body, keyed('x'.repeat(256))), 422, 'invalid');
  });

  test('of many at once one runs and the others wait or repeat', async () => {
    await shop.post('/v1/members', { external_id: 'I-10' });
    const body = { wallet: 'points', points: 100, reason: 'once' };
    const answers = await Promise.all(Array.from({ length: 30 }, () => shop.post('/v1/members/ext:I-10/adjustments', body, keyed('once'))));
    assert.ok(answers.every((a) => a.status === 201 || a.body.code === 'in_progress'), answers.map((a) => a.text).join('\n'));
    assert.equal((await shop.balance('ext:I-10')).active, 100);
  });

  test('a key that is no text is refused', async () => {
    problem(await shop.post('/v1/members', { external_id: 'I-11' }, keyed('\xff\xfe')), 422, 'invalid');
  });

  test('a dry run uses no key up', async () => {
    const body = { wallet: 'points', points: 1, reason: 'dry' };
    assert.equal((await shop.post('/v1/members/ext:I-10/adjustments?dry_run=true', body, keyed('dry'))).status, 200);
    assert.equal((await shop.post('/v1/members/ext:I-10/adjustments', body, keyed('dry'))).status, 201);
  });
});
