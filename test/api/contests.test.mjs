// Contests: entries come and go with purchases, the list is closed on time, and the published program comes to the same winners.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { onEach, problem, root } from './harness.mjs';

const document = {
  name: 'Shop', currency: 'EUR', timezone: 'Europe/Amsterdam', unknown_members: 'enrol',
  wallets: [{ slug: 'points' }],
  event_types: [{ type: 'app.checkin' }, { type: 'app.grown_up' }],
  earning_rules: [{ slug: 'grown-up', trigger: 'app.grown_up', effects: [{ kind: 'contest_entry', contest: 'grown', entries: 2 }, { kind: 'earn', wallet: 'points', points: 10 }] }, { slug: 'luck', trigger: 'app.checkin', effects: [{ kind: 'contest_entry', contest: 'spring', entries: 3 }] }],
  rewards: [
    { slug: 'bicycle', kind: 'physical', name: { en: 'A bicycle' } },
    { slug: 'ticket', kind: 'contest_entry', contest: 'spring', entries: 2, price: [{ wallet: 'points', points: 40 }] },
    { slug: 'adult-ticket', kind: 'contest_entry', contest: 'grown', entries: 5, price: [{ wallet: 'points', points: 10 }] },
  ],
  contests: [
    {
      slug: 'january', window: { from: '2026-01-01', until: '2026-02-01' }, winners: 3,
      entries: [{ trigger: 'purchase', count: 2, max: 10 }, { trigger: 'contest.entered', max: 1 }],
      effects: [{ kind: 'reward', reward: 'bicycle' }, { kind: 'earn', wallet: 'points', points: 50 }],
    },
    { slug: 'spring', window: { from: '2026-01-01', until: '2026-05-01' }, entries: [{ trigger: 'contest.entered' }] },
    { slug: 'grown', window: { from: '2026-01-01', until: '2026-12-01' }, countries: ['NL'], min_age: 18, entries: [{ trigger: 'contest.entered', max: 1 }] },
    { slug: 'adults', window: { until: '2026-02-01' }, countries: ['NL'], min_age: 18, entries: [{ trigger: 'contest.entered', max: 1 }] },
  ],
};

const without = (...slugs) => ({ format: 'loyald.program/1', ...structuredClone(document), rewards: [], earning_rules: [], contests: document.contests.filter((c) => !slugs.includes(c.slug)).map((c) => ({ ...c, effects: [] })) });

let number = 0;
const event = (type, member, data, time) => ({ specversion: '1.0', id: `e-${number += 1}`, source: 'till', type, time, subject: `ext:${member}`, data });

onEach('contests', { document }, (shop) => {
  let now = '2026-01-01T00:00:00Z';
  const clock = async (to) => { now = to; const moved = await shop.post('/v1/test/clock', { now }); assert.equal(moved.status, 200, moved.text); };
  const buy = async (member, amount = 1000, more = {}) => (await shop.event(event('purchase', member, { amount, currency: 'EUR', ...more }, now))).body;
  const enter = (member, contest = 'january', time = now) => shop.event(event('contest.entered', member, { contest }, time));
  const contest = async (slug = 'january') => (await shop.get(`/v1/contests/${slug}`)).body;
  const mine = async (member, slug = 'january') => (await shop.get(`/v1/members/ext:${member}/contests`)).body.data.find((c) => c.contest === slug);
  const pages = async (slug, limit) => {
    const all = [];
    for (let cursor = ''; cursor !== null;) {
      const { body } = await shop.get(`/v1/contests/${slug}/entries?limit=${limit}${cursor && `&cursor=${cursor}`}`);
      all.push(...body.data);
      cursor = body.next_cursor;
    }
    return all;
  };
  before(async () => {
    await shop.serve();
    await clock('2026-01-01T08:00:00Z');
  });

  test('a purchase enters as often as the rule says and no more than it allows, and a refund takes that back', async () => {
    const first = await buy('ANN');
    assert.deepEqual(first.contests, [{ contest: 'january', earned: 2, pending: 0, revoked: 0, tickets: 2 }]);
    assert.deepEqual(first.points.map((p) => p.wallet), ['points']);
    assert.deepEqual(first.balances.map((b) => b.wallet), ['points']);
    for (let i = 0; i < 5; i += 1) await buy('ANN');
    assert.equal((await mine('ANN')).tickets, 10, 'at most 10');
    const refund = await shop.event(event('refund', 'ANN', { original: { id: first.event.external_id } }, now));
    assert.deepEqual(refund.body.contests, [{ contest: 'january', earned: 0, pending: 0, revoked: 2, tickets: 8 }]);
    await buy('ANN');
    assert.equal((await mine('ANN')).tickets, 10, 'there is room again');
  });

  test('any rule may give entries, while the contest is on', async () => {
    assert.deepEqual((await shop.event(event('app.checkin', 'EVE', {}, now))).body.contests, [{ contest: 'spring', earned: 3, pending: 0, revoked: 0, tickets: 3 }]);
    const rules = (await shop.get('/v1/program/rules?language=pl')).body.data;
    assert.match(rules.find((r) => r.slug === 'luck' || r.rule === 'luck').text, /3 losy/);
  });

  test('whom a contest is not for gets no entry by a rule or for points either', async () => {
    const people = { GROWN: ['NL', '1990-05-05'], CHILD: ['NL', '2015-01-01'], GERMAN: ['DE', '1990-05-05'], NOBODY: [undefined, undefined] };
    for (const [member, [country, birth_date]] of Object.entries(people)) {
      assert.equal((await shop.post('/v1/members', { external_id: member, country, birth_date })).status, 201);
      const checked = (await shop.event(event('app.grown_up', member, {}, now))).body;
      const isGrown = member === 'GROWN';
      assert.deepEqual(checked.contests ?? [], isGrown ? [{ contest: 'grown', earned: 2, pending: 0, revoked: 0, tickets: 2 }] : [], member);
      assert.equal(checked.points.find((p) => p.wallet === 'points').earned, 10, 'the rule itself fires');
      const offered = (await shop.get(`/v1/rewards?member=ext:${member}`)).body.data.find((r) => r.slug === 'adult-ticket');
      assert.equal(offered !== undefined, isGrown, `${member} is offered what they can have`);
      const bought = await shop.post(`/v1/members/ext:${member}/rewards`, { reward: 'adult-ticket' });
      assert.equal(bought.status, isGrown ? 201 : 422, bought.text);
      assert.equal((await mine(member, 'grown'))?.tickets ?? 0, isGrown ? 7 : 0);
    }
  });

  test('an order enters when it is completed', async () => {
    const placed = await buy('BOB', 1000, { status: 'placed' });
    assert.deepEqual(placed.contests, [{ contest: 'january', earned: 2, pending: 2, revoked: 0, tickets: 0 }]);
    await shop.event(event('purchase.completed', 'BOB', { original: { id: placed.event.external_id } }, now));
    assert.deepEqual([(await mine('BOB')).tickets, (await mine('BOB')).pending], [2, 0]);
  });

  test('entries are not adjusted by hand', async () => {
    problem(await shop.post('/v1/members/ext:ANN/adjustments', { wallet: 'contest.january', points: 500, reason: 'x' }), 422, 'invalid', '/wallet');
  });

  test('country and age are asked of whoever enters, and explain says which it was', async () => {
    await shop.post('/v1/members', { external_id: 'KID', country: 'NL', birth_date: '2012-05-05' });
    await shop.post('/v1/members', { external_id: 'FAR', country: 'PL', birth_date: '1980-05-05' });
    await shop.post('/v1/members', { external_id: 'DUTCH', country: 'NL', birth_date: '1980-05-05' });
    const entered = async (member) => (await shop.event(event('contest.entered', member, { contest: 'adults' }, now), '?explain=true')).body;
    const kid = await entered('KID');
    const why = kid.explain.find((e) => e.rule === 'contest/adults/0');
    assert.deepEqual([kid.contests, why.fired, why.failed.pointer, why.failed.actual], [[], false, '/and/1', 13]);
    assert.equal((await entered('FAR')).explain.find((e) => e.rule === 'contest/adults/0').failed.pointer, '/and/0');
    assert.equal((await entered('DUTCH')).contests[0].tickets, 1);
    assert.equal((await entered('DUTCH')).contests.length, 0, 'once');
  });

  test('before the close nothing is listed, nothing is drawn, and only the hash of the seed is known', async () => {
    const open = await contest();
    assert.deepEqual([open.state, open.entries_hash, open.seed, open.winners, open.drawn_at], ['open', null, null, null, null]);
    assert.match(open.seed_hash, /^[0-9a-f]{64}$/);
    problem(await shop.get('/v1/contests/january/entries'), 422, 'closed');
    problem(await shop.post('/v1/contests/january/draw'), 422, 'closed');
    problem(await shop.post('/v1/contests/nothing/draw'), 404, 'not_found');
    problem(await enter('ANN', 'nothing'), 422, 'invalid', '/data/contest');
  });

  test('the list is frozen at the close: late events and refunds change nothing in it', async () => {
    for (let i = 0; i < 40; i += 1) await (i % 3 ? buy(`M-${i}`) : enter(`M-${i}`));
    const last = await buy('LAST');
    const slow = await buy('SLOW', 1000, { status: 'placed' });
    assert.deepEqual([(await mine('SLOW')).tickets, (await mine('SLOW')).pending], [0, 2]);
    await clock('2026-01-31T22:59:59Z');
    assert.equal((await contest()).state, 'open');
    await clock('2026-01-31T23:00:00Z'); // midnight in Amsterdam
    const closed = await contest();
    assert.deepEqual([closed.state, closed.seed_hash], ['closed', (await contest()).seed_hash]);
    assert.match(closed.entries_hash, /^[0-9a-f]{64}$/);
    const late = (await shop.event({ ...event('purchase', 'LATE', { amount: 1000, currency: 'EUR' }, '2026-01-31T12:00:00Z') }, '?explain=true')).body;
    assert.deepEqual([late.contests, late.explain.find((e) => e.rule === 'contest/january/0').fired], [[], false]);
    assert.match(late.explain.find((e) => e.rule === 'contest/january/0').text, /closed/);
    assert.equal((await enter('LATE', 'january', '2026-01-31T12:00:00Z')).body.reason, 'closed');
    const refunded = await shop.event(event('refund', 'LAST', { original: { id: last.event.external_id } }, now));
    assert.deepEqual(refunded.body.contests, [], 'no ticket has moved');
    assert.deepEqual([(await mine('LAST')).tickets, (await mine('LAST')).pending], [2, 0], 'what the draw has, not what is booked since');
    const done = await shop.event(event('purchase.completed', 'SLOW', { original: { id: slow.event.external_id } }, now));
    assert.deepEqual(done.body.contests, []);
    assert.deepEqual([(await mine('SLOW')).tickets, (await mine('SLOW')).pending], [0, 0], 'completed too late');
    const list = await pages('january', 7);
    for (const who of ['ANN', 'BOB', 'LAST', 'SLOW', 'M-1', 'M-3']) {
      const { alias: name, tickets } = await mine(who);
      assert.equal(tickets, list.filter((e) => e.alias === name).reduce((sum, e) => sum + e.tickets, 0), who);
    }
    assert.deepEqual(list, await pages('january', 1000));
    const alias = (await mine('LAST')).alias;
    assert.equal(list.filter((e) => e.alias === alias).length, 1, 'what is refunded after the close takes part');
    assert.equal(list.length, closed.entries);
    assert.equal(list.reduce((sum, e) => sum + e.tickets, 0), closed.tickets);
    assert.deepEqual((await contest()), closed);
  });

  test('the documented program comes to the same winners, each of them once, without who was forgotten', async () => {
    const gone = (await mine('M-1')).alias;
    assert.equal((await shop.ask('DELETE', '/v1/members/ext:M-1')).status, 200);
    const path = join(shop.dir, 'draw.mjs');
    writeFileSync(path, /^```js draw\n(.*?)^```$/ms.exec(readFileSync(join(root, 'docs/contests.md'), 'utf8'))[1]);
    const { draw } = await import(pathToFileURL(path).href);
    const before = await contest();
    const answers = await Promise.all(Array.from({ length: 8 }, () => shop.post('/v1/contests/january/draw')));
    for (const answer of answers) assert.deepEqual([answer.status, answer.text], [200, answers[0].text]);
    const drawn = await contest();
    assert.deepEqual([drawn.state, drawn.seed_hash, drawn.entries_hash], ['drawn', before.seed_hash, before.entries_hash]);
    assert.deepEqual(drawn.withdrawn, [gone]);
    assert.equal(new Set(drawn.winners.map((w) => w.alias)).size, 3);
    const list = await pages('january', 1000);
    assert.deepEqual(draw(drawn, list), drawn.winners.map((w) => w.entry));
    assert.throws(() => draw(drawn, list.slice(1)), /other entries/);
    assert.throws(() => draw({ ...drawn, seed: drawn.entries_hash }, list), /another seed/);
  });

  test('each winner has the prize once, as an event of their own', async () => {
    for (const winner of (await contest()).winners) {
      const won = (await shop.get(`/v1/members/${winner.member}/timeline`)).body.data.filter((e) => e.type === 'contest.won');
      assert.equal(won.length, 1);
      assert.equal((await shop.balance(winner.member)).active, 50);
      assert.deepEqual((await shop.get(`/v1/members/${winner.member}/rewards`)).body.data.map((r) => r.reward), ['bicycle']);
    }
    const actions = (await shop.get('/v1/audit?limit=1000')).body.data.map((entry) => entry.action);
    assert.equal(actions.filter((a) => a === 'contest.draw').length, 1);
    assert.equal(actions.filter((a) => a === 'contest.close').length, 2);
  });

  test('a contest of one entry draws one winner, one of none draws nobody', async () => {
    const adults = (await shop.post('/v1/contests/adults/draw')).body;
    assert.equal(adults.winners.length, 1);
    assert.equal(adults.winners[0].alias, (await mine('DUTCH', 'adults')).alias);
  });

  test('a contest that was drawn cannot be opened again under its name', async () => {
    const again = structuredClone(document);
    again.contests[0].window.until = '2026-06-01';
    const draft = await shop.get('/v1/program/draft');
    assert.equal((await shop.ask('PUT', '/v1/program/draft', again, { headers: { 'if-match': draft.headers.get('etag') ?? '*' } })).status, 200);
    problem(await shop.post('/v1/program/publish', { comment: 'x' }, { headers: { 'if-match': (await shop.get('/v1/program/draft')).headers.get('etag') } }), 422, 'invalid', '/contests/0/slug');
  });

  test('a contest that has opened stays in the program until it is drawn', async () => {
    const check = (program) => shop.post('/v1/program/draft/validate', { format: 'loyald.program/1', ...program });
    const missing = (refused) => refused.body.errors.map((e) => /"(\w+)" of version \d+ has opened and is missing/.exec(e.detail)?.[1]);
    const refused = await check(without('january', 'spring', 'grown'));
    problem(refused, 422, 'in_use', '/contests');
    assert.deepEqual(missing(refused), ['spring', 'grown'], 'that of January was drawn');
    writeFileSync(join(shop.dir, 'without.json'), JSON.stringify(without('spring')));
    const published = shop.try('program', 'publish', 'without.json');
    assert.equal(published.status, 1);
    assert.match(published.stderr, /\/contests.*spring/s);
    const both = await check(without('january', 'adults'));
    assert.equal(both.status, 200, both.text);
    const open = { slug: 'unentered', window: { until: '2026-12-01' }, entries: [{ trigger: 'contest.entered' }] };
    const coming = { ...open, slug: 'coming', window: { from: '2026-06-01', until: '2026-12-01' } };
    writeFileSync(join(shop.dir, 'more.json'), JSON.stringify({ format: 'loyald.program/1', ...document, contests: [...document.contests, open, coming] }));
    shop.run('program', 'publish', 'more.json');
    const early = await check(document);
    problem(early, 422, 'in_use', '/contests');
    assert.deepEqual(missing(early), ['unentered'], 'somebody may be entering it; the other has not opened');
    const later = { format: 'loyald.program/1', ...document, contests: [...document.contests, open] };
    assert.equal((await check(later)).status, 200);
    const etag = async () => ({ 'if-match': (await shop.get('/v1/program/draft')).headers.get('etag') });
    assert.equal((await shop.ask('PUT', '/v1/program/draft', later, { headers: await etag() })).status, 200);
    const scheduled = await shop.post('/v1/program/publish', { comment: 'x', effective_at: '2026-07-01T00:00:00Z' }, { headers: await etag() });
    problem(scheduled, 422, 'in_use', '/contests');
    assert.deepEqual(missing(scheduled), ['coming'], 'it opens before that version is effective');
  });

  test('an open contest closes at no time that leaves out who has entered', async () => {
    const until = (slug, day) => ({ format: 'loyald.program/1', ...document, contests: [...document.contests.map((c) => (c.slug === slug ? { ...c, window: { ...c.window, until: day } } : c)), { slug: 'unentered', window: { until: '2026-12-01' }, entries: [{ trigger: 'contest.entered' }] }] });
    const check = (program) => shop.post('/v1/program/draft/validate', program);
    const past = await check(until('spring', '2026-01-20'));
    problem(past, 422, 'in_use', '/contests/1/window/until');
    assert.match(past.body.errors[0].detail, /"spring".*left out/s);
    problem(await check(until('spring', '2026-02-01')), 422, 'in_use', '/contests/1/window/until'); // that is now
    assert.equal((await check(until('spring', '2026-02-03'))).status, 200, 'a time that is to come');
    problem(await check(until('january', '2026-06-01')), 422, 'invalid', '/contests/0/slug');
    const unopened = until('spring', '2026-05-01');
    unopened.contests[1].window.from = '2026-03-01';
    problem(await check(unopened), 422, 'in_use', '/contests/1/window/from');
    assert.equal((await check(until('spring', '2026-09-01'))).status, 200, 'it may go on for longer');
    const etag = async () => ({ 'if-match': (await shop.get('/v1/program/draft')).headers.get('etag') });
    assert.equal((await shop.ask('PUT', '/v1/program/draft', until('spring', '2026-09-01'), { headers: await etag() })).status, 200);
    const scheduled = await shop.post('/v1/program/publish', { comment: 'x', effective_at: '2026-06-01T00:00:00Z' }, { headers: await etag() });
    problem(scheduled, 422, 'in_use', '/contests/1/window/until');
    assert.match(scheduled.body.errors[0].detail, /"spring" will have closed when this version is effective/);
    assert.equal((await shop.ask('PUT', '/v1/program/draft', without('spring'), { headers: await etag() })).status, 200);
    problem(await shop.post('/v1/program/publish', { comment: 'x', effective_at: '2026-01-01T00:00:00Z' }, { headers: await etag() }), 422, 'in_use', '/contests');
  });

  test('entries are bought as a reward, which can be given back until the contest closes', async () => {
    const winner = (await contest()).winners[0].member;
    const bought = await shop.post(`/v1/members/${winner}/rewards`, { reward: 'ticket' }, { headers: { 'idempotency-key': 'ticket-1' } });
    assert.equal(bought.status, 201, bought.text);
    const [ticket] = bought.body.rewards;
    assert.deepEqual([ticket.kind, ticket.state, ticket.expires_at, bought.body.contests[0].tickets], ['contest_entry', 'issued', '2026-04-30T22:00:00.000Z', 2]);
    const one = (await shop.get(`/v1/rewards/issued/${ticket.id}`)).body;
    assert.deepEqual([one.entries, one.value], [2, null]);
    for (const [step, body] of [['use', {}], ['reserve', {}], ['fulfil', { status: 'packed' }]]) {
      const refused = await shop.post(`/v1/rewards/issued/${ticket.id}/${step}`, body, { headers: { 'idempotency-key': `ticket-${step}` } });
      problem(refused, 422, 'only_cancelled');
      assert.match(refused.body.detail, /ticket/);
    }
    const back = await shop.post(`/v1/rewards/issued/${ticket.id}/cancel`, { reason: 'changed their mind' }, { headers: { 'idempotency-key': 'ticket-2' } });
    assert.equal(back.status, 201, back.text);
    assert.deepEqual(back.body.contests, [{ contest: 'spring', earned: 0, pending: 0, revoked: 2, tickets: 0 }]);
    assert.equal((await shop.balance(winner)).active, 50);
  });

  test('entries are no money: they expire a year after the close', async () => {
    await clock('2027-03-01T00:00:00Z');
    const moved = (await shop.get('/v1/members/ext:ANN/transfers?limit=1000')).body.data.filter((t) => t.wallet === 'contest.january' && t.to === 'expired');
    assert.equal(moved.reduce((sum, t) => sum + t.active, 0), -10);
    assert.equal((await mine('ANN')).tickets, 10, 'what was drawn from is still told');
    assert.equal((await contest()).state, 'drawn');
  });
});

onEach('contests of a shop that has booked nothing yet', { document }, (shop) => {
  before(async () => {
    await shop.serve();
    assert.equal((await shop.post('/v1/test/clock', { now: '2026-01-10T00:00:00Z' })).status, 200);
  });
  const publish = async (program, more = {}) => {
    const etag = async () => ({ 'if-match': (await shop.get('/v1/program/draft')).headers.get('etag') ?? '*' });
    assert.equal((await shop.ask('PUT', '/v1/program/draft', program, { headers: await etag() })).status, 200);
    return shop.post('/v1/program/publish', { comment: 'x', ...more }, { headers: await etag() });
  };

  test('a version that is to come keeps what may be booked until then', async () => {
    const later = { effective_at: '2026-01-20T00:00:00Z' };
    problem(await publish(without('spring'), later), 422, 'in_use', '/contests');
    problem(await publish({ format: 'loyald.program/1', ...document, currency: 'USD' }, later), 422, 'in_use', '/currency');
  });

  test('one that is effective at once changes what it likes', async () => {
    const published = await publish({ ...without('spring', 'grown'), currency: 'USD' });
    assert.equal(published.status, 201, published.text);
  });
});
