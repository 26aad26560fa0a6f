// The program: draft, validation, publishing, versions.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { onEach, problem, program, purchase } from './harness.mjs';

onEach('program', { document: null }, (shop) => {
  before(() => shop.serve());
  const put = (document, match) => shop.ask('PUT', '/v1/program/draft', document, { headers: match ? { 'if-match': match } : {} });

  test('without a program events are refused and may be sent again', async () => {
    problem(await shop.event(purchase({}, { id: 'early' })), 422, 'no_program');
    problem(await shop.get('/v1/program'), 404, 'not_found');
    problem(await shop.post('/v1/program/publish', {}), 409, 'conflict');
    assert.deepEqual((await shop.get('/v1/program/versions')).body, { data: [], next_cursor: null });
  });

  test('the draft changes only over what was read', async () => {
    const empty = await shop.get('/v1/program/draft');
    assert.deepEqual([empty.body, empty.headers.get('etag')], [{}, '"0"']);
    const first = await put({ name: 'x' });
    assert.equal(first.headers.get('etag'), '"1"');
    problem(await put({ name: 'y' }), 412, 'precondition_failed');
    problem(await put({ name: 'y' }, '"0"'), 412, 'precondition_failed');
    problem(await put({ name: 'y' }, '"2"'), 412, 'precondition_failed');
    problem(await put([], '"1"'), 422, 'invalid');
    assert.equal((await put({ name: 'y' }, '"1"')).headers.get('etag'), '"2"');
    assert.deepEqual((await shop.get('/v1/program/draft')).body, { name: 'y' });
  });

  test('validation names every fault', async () => {
    problem(await shop.post('/v1/program/draft/validate'), 422, 'invalid', '/currency');
    problem(await shop.post('/v1/program/publish'), 422, 'invalid', '/wallets');
    problem(await shop.post('/v1/program/draft/validate', { ...program, colour: 1 }), 422, 'unknown_field', '/colour');
    for (const code of ['ZZZ', 'XXX', 'eur']) {
      const answer = await shop.post('/v1/program/draft/validate', { ...program, currency: code, stores: [{ slug: 'ams-1', name: 'Amsterdam', currency: code }] });
      problem(answer, 422, 'invalid', '/currency');
      assert.deepEqual(answer.body.errors.map((e) => e.pointer), ['/currency', '/stores/0/currency']);
      assert.equal(answer.body.errors[0].detail, `This must be a currency of ISO 4217 in three capitals, such as EUR, not "${code}".`);
    }
    assert.deepEqual((await shop.post('/v1/program/draft/validate', program)).body, { valid: true, tests: 0 });
  });

  test('points come from one place, and formulas and tables are checked when they are saved', async () => {
    const check = (effect, at, detail) => async () => {
      const document = structuredClone(program);
      document.tables = { fares: { keys: ['fare'], rows: [['Y', 20]] }, tiers: { keys: ['member.tier.main', 'sku'], rows: [['gold', '*', 3]] }, odd: { keys: ['member.colour'], rows: [['red', 1]] }, small: { keys: ['amount'], rows: [['little', 1]] } };
      document.earning_rules.push({ slug: 'x', trigger: effect.trigger ?? 'purchase', effects: [{ kind: 'earn', wallet: 'points', ...effect.effect }] });
      const answer = await shop.post('/v1/program/draft/validate', document);
      if (!at) return assert.equal(answer.body.valid, true, answer.text);
      problem(answer, 422, 'invalid', `/earning_rules/${document.earning_rules.length - 1}/effects/0${at}`);
      assert.match(answer.body.errors[0].detail, detail);
    };
    const formula = { '*': [{ var: 'event.amount' }, '0.1'] };
    await check({ effect: { formula, round: 'up' } })();
    await check({ effect: { table: 'fares' } })();
    await check({ effect: { table: 'tiers', lines: true } })();
    await check({ effect: {} }, '/points', /exactly one/)();
    await check({ effect: { formula, points: 1 } }, '/points', /exactly one/)();
    await check({ effect: { formula, per_amount: 100 } }, '/per_amount', /goes with "points"/)();
    await check({ effect: { points: 1, round: 'up' } }, '/round', /formula or table/)();
    await check({ effect: { formula: { var: 'line.amount' } } }, '/formula', /no variable "line.amount"/)();
    await check({ effect: { formula: { '*': [{ var: 'event.amount' }, 0.1] } } }, '/formula/*/1', /as a text/)();
    await check({ effect: { table: 'fairs' } }, '/table', /no table "fairs"/)();
    await check({ effect: { table: 'odd' } }, '/table', /"member.colour"/)();
    await check({ effect: { table: 'small' } }, '/table', /"amount" of "small" holds texts/)();
  });

  test('publishing puts the draft in force', async () => {
    for (const match of ['W/"2"', 'W/"2", "1"', '"1", "9"']) problem(await put(program, match), 412, 'precondition_failed');
    for (const match of ['2', '"2', '*, "2"']) problem(await put(program, match), 400, 'bad_request');
    assert.equal((await put(program, '"1", W/"7" , "2"')).status, 200);
    problem(await shop.post('/v1/program/publish', {}, { headers: { 'if-match': '"2"' } }), 412, 'precondition_failed');
    problem(await shop.post('/v1/program/publish', { when: 'now' }), 422, 'unknown_field', '/when');
    const made = await shop.post('/v1/program/publish', { comment: 'First' }, { headers: { 'if-match': '"3"' } });
    assert.equal(made.status, 201, made.text);
    assert.deepEqual([made.body.version, made.body.comment, made.body.effective_at], [1, 'First', '2026-01-01T00:00:00.000Z']);
    assert.match(made.body.actor, /^key_/);
    assert.equal((await shop.get('/v1/program')).body.program.name, 'Shop');
    assert.equal((await shop.event(purchase({}, { id: 'early' }))).body.points[0].earned, 45);
  });

  test('a later version holds from its instant, and a rollback is a version again', async () => {
    const richer = structuredClone(program);
    richer.earning_rules[0].effects[0].points = 2;
    await put(richer, '"3"');
    const made = await shop.post('/v1/program/publish', { effective_at: '2026-01-02T00:00:00Z' });
    assert.equal(made.body.version, 2);
    assert.equal((await shop.get('/v1/program')).body.version, 1);
    assert.equal((await shop.event(purchase({}, { subject: 'ext:V-1' }))).body.points[0].earned, 45);
    await shop.post('/v1/test/clock', { now: '2026-01-02T00:00:00Z' });
    assert.equal((await shop.get('/v1/program')).body.version, 2);
    assert.equal((await shop.event(purchase({}, { subject: 'ext:V-2', time: '2026-01-02T00:00:00Z' }))).body.points[0].earned, 91);
    const back = await shop.post('/v1/program/rollback', { version: 1 });
    assert.equal(back.status, 201, back.text);
    assert.equal(back.body.version, 3);
    assert.equal((await shop.event(purchase({}, { subject: 'ext:V-3', time: '2026-01-02T00:00:00Z' }))).body.points[0].earned, 45);
    problem(await shop.post('/v1/program/rollback', { version: 9 }), 404, 'not_found');
    problem(await shop.post('/v1/program/rollback', {}), 422, 'invalid', '/version');
    assert.deepEqual((await shop.get('/v1/program/versions?limit=2')).body.data.map((v) => v.version), [3, 2]);
    assert.deepEqual((await shop.get('/v1/program/versions?limit=2&cursor=2')).body, { data: (await shop.get('/v1/program/versions')).body.data.slice(2), next_cursor: null });
    assert.equal((await shop.get('/v1/program/versions/2')).body.program.earning_rules[0].effects[0].points, 2);
    for (const n of ['9', '0', '-1', 'x', '99999999999']) problem(await shop.get(`/v1/program/versions/${n}`), 404, 'not_found');
  });

  test('the schema is published', async () => {
    const { body } = await shop.get('/v1/program/schema');
    assert.ok(body.properties.earning_rules);
  });
});

onEach('what was booked keeps its meaning', { document: null }, (shop) => {
  const base = { ...program, wallets: [...program.wallets, { slug: 'miles', scale: 2 }] };
  const changed = (change) => { const document = structuredClone(base); change(document); return document; };
  const smaller = changed((d) => d.wallets.pop());
  const publish = async (document, body = {}) => {
    const draft = await shop.get('/v1/program/draft');
    assert.equal((await shop.ask('PUT', '/v1/program/draft', document, { headers: { 'if-match': draft.headers.get('etag') } })).status, 200);
    return shop.post('/v1/program/publish', body);
  };
  const file = (document) => { writeFileSync(join(shop.dir, 'next.json'), JSON.stringify(document)); return 'next.json'; };
  before(() => shop.serve());

  test('while nothing is booked everything may change', async () => {
    assert.equal((await publish(smaller)).status, 201);
    assert.equal((await shop.post('/v1/members', { external_id: 'EARLY' })).status, 201);
    const dollars = changed((d) => { d.currency = 'USD'; d.wallets[2].scale = 0; });
    assert.equal((await shop.post('/v1/program/draft/validate', dollars)).status, 200);
    assert.equal((await publish(dollars)).status, 201);
    assert.equal((await shop.post('/v1/program/rollback', { version: 1 })).status, 201);
    assert.equal((await publish(base)).body.version, 4);
    const early = await shop.event({ ...purchase(), type: 'refund', data: { original: { id: 'unknown' } } });
    assert.equal(early.body.outcome, 'held', early.text);
    problem(await shop.post('/v1/program/draft/validate', dollars), 422, 'in_use', '/currency');
    assert.equal((await shop.event(purchase())).status, 201);
  });

  const refused = [
    ['a wallet that is left out', changed((d) => d.wallets.pop()), ['/wallets'], /"miles" of version 4 .* keep it\. To end it, let no rule earn/],
    ['another slug', changed((d) => { d.wallets[2].slug = 'air-miles'; }), ['/wallets'], /"miles"/],
    ['another scale', changed((d) => { d.wallets[2].scale = 0; }), ['/wallets/2/scale'], /"miles" have 2 decimals in version 4/],
    ['a scale that is left out', changed((d) => { delete d.wallets[2].scale; }), ['/wallets/2/scale'], /2 decimals/],
    ['two wallets that change their slugs', changed((d) => { d.wallets[1].slug = 'miles'; d.wallets[2].slug = 'stars'; }), ['/wallets/2/scale', '/wallets/1/scale'], /"stars" have 0 decimals/],
    ['another currency', changed((d) => { d.currency = 'USD'; }), ['/currency'], /in EUR \(version 4\)/],
    ['all of these', changed((d) => { d.currency = 'USD'; d.wallets[1].scale = 1; d.wallets.pop(); }), ['/currency', '/wallets/1/scale', '/wallets'], /EUR/],
  ];
  for (const [what, document, pointers, detail] of refused) {
    test(`${what} is refused when it is checked and when it is published`, async () => {
      const said = await shop.post('/v1/program/draft/validate', document);
      problem(said, 422, 'in_use', pointers[0]);
      assert.deepEqual(said.body.errors.map((e) => e.pointer), pointers);
      assert.match(said.body.errors[0].detail, detail);
      const answer = await publish(document);
      problem(answer, 422, 'in_use', pointers[0]);
      assert.deepEqual(answer.body.errors, said.body.errors);
      const again = shop.try('program', 'publish', file(document));
      assert.equal(again.status, 1);
      assert.ok(again.stderr.includes(pointers[0]), again.stderr);
      const checked = shop.try('program', 'validate', 'next.json', '--published');
      assert.equal(checked.status, 1);
      assert.ok(checked.stderr.includes(pointers[0]), checked.stderr);
      shop.run('program', 'validate', 'next.json');
      assert.equal((await shop.get('/v1/program')).body.version, 4);
    });
  }

  test('a rollback to a version without a wallet, or in another currency, is refused', async () => {
    problem(await shop.post('/v1/program/rollback', { version: 1 }), 422, 'in_use', '/wallets');
    problem(await shop.post('/v1/program/rollback', { version: 2 }), 422, 'in_use', '/currency');
    assert.equal((await shop.post('/v1/program/rollback', { version: 4 })).status, 201);
  });

  test('everything else may change', async () => {
    const fine = changed((d) => {
      d.wallets.reverse();
      d.wallets[0] = { slug: 'miles', scale: 2, spendable: false, name: { en: 'Miles' } };
      d.wallets[2].expiry = { kind: 'never' };
      d.wallets.push({ slug: 'more', scale: 1 });
      d.earning_rules.pop();
    });
    shop.run('program', 'validate', file(fine), '--published');
    assert.equal((await publish(fine)).status, 201);
  });

  test('a version that is to come counts once it can have judged anything', async () => {
    const later = changed((d) => d.wallets.push({ slug: 'more', scale: 1 }, { slug: 'later' }));
    const without = changed((d) => d.wallets.push({ slug: 'more', scale: 1 }));
    assert.equal((await publish(later, { effective_at: '2026-02-01T00:00:00Z' })).status, 201);
    problem(await publish(without, { effective_at: '2026-03-01T00:00:00Z' }), 422, 'in_use', '/wallets');
    assert.equal((await publish(without, { effective_at: '2026-01-01T00:00:00Z' })).status, 201, 'the version to come never comes');
    assert.equal((await publish(later, { effective_at: '2026-02-01T00:00:00Z' })).status, 201);
    assert.equal((await publish(without, { effective_at: '2026-02-01T00:00:00Z' })).status, 201, 'it takes its place');
    assert.equal((await publish(later, { effective_at: '2026-02-01T00:00:00Z' })).status, 201);
    await shop.post('/v1/test/clock', { now: '2026-02-01T00:00:00Z' });
    problem(await publish(without), 422, 'in_use', '/wallets');
  });
});

onEach('the test clock', {}, (shop) => {
  before(() => shop.serve());
  const set = (now) => shop.post('/v1/test/clock', { now });

  test('pending points become active and expire on their day', async () => {
    await shop.event(purchase({ amount: 10000 }, { subject: 'ext:T-1' }));
    assert.deepEqual((await set('2026-01-15T22:59:59Z')).body, { now: '2026-01-15T22:59:59.000Z' });
    assert.equal((await shop.balance('ext:T-1')).active, 0);
    await set('2026-01-15T23:00:00Z');
    const active = await shop.balance('ext:T-1');
    assert.deepEqual([active.active, active.pending, active.next_expiry], [100, 0, { at: '2027-01-01T23:00:00.000Z', points: 100 }]);
    await set('2027-01-01T23:00:00Z');
    assert.equal((await shop.balance('ext:T-1')).active, 0);
    const kinds = (await shop.get('/v1/members/ext:T-1/transfers')).body.data.map((t) => t.kind);
    assert.deepEqual(kinds.filter((k) => k !== 'earn'), ['expire', 'activate']);
    assert.deepEqual((await shop.get('/v1/members/ext:T-1/timeline')).body.data.slice(0, 2).map((e) => e.type), ['points.expired', 'points.activated']);
  });

  test('it never goes back', async () => {
    problem(await set('2026-06-01T00:00:00Z'), 422, 'clock', '/now');
    problem(await shop.post('/v1/test/clock', {}), 422, 'invalid', '/now');
    assert.equal((await set('2027-01-01T23:00:00Z')).status, 200);
  });
});

onEach('an instance of real time', { testClock: false }, (shop) => {
  before(() => shop.serve());
  test('has no test clock', async () => {
    problem(await shop.post('/v1/test/clock', { now: '2030-01-01T00:00:00Z' }), 404, 'not_found');
  });
  test('books at the real instant', async () => {
    const time = new Date().toISOString();
    const answer = await shop.event(purchase({}, { time }));
    assert.equal(answer.status, 201, answer.text);
    const { body } = await shop.get('/v1/members/ext:C-42');
    assert.ok(Math.abs(Date.parse(body.enrolled_at) - Date.now()) < 10000);
  });

  test('what has changed is said in words, and moving a rule is no change', async () => {
    const before = { name: 'Shop', currency: 'EUR', wallets: [{ slug: 'points' }],
      earning_rules: [{ slug: 'base', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'points', points: 1, per_amount: 100 }] },
        { slug: 'visit', trigger: 'visit', effects: [{ kind: 'earn', wallet: 'points', points: 5 }] }] };
    const after = structuredClone(before);
    after.earning_rules.reverse();
    after.earning_rules[1].effects[0].points = 2;
    after.earning_rules[1].when = { '>': [{ var: 'event.amount' }, 500] };
    after.rewards = [{ slug: 'mug', kind: 'free_product' }];
    delete after.earning_rules[0];
    after.earning_rules.shift();
    writeFileSync(join(shop.dir, 'before.json'), JSON.stringify(before));
    writeFileSync(join(shop.dir, 'after.json'), JSON.stringify(after));
    assert.deepEqual(shop.run('program', 'diff', join(shop.dir, 'before.json'), join(shop.dir, 'after.json')).trim().split('\n'), [
      'Earning rule "base", effect 1: points changed from 1 to 2.',
      'Earning rule "base": when added: {">":[{"var":"event.amount"},500]}.',
      'Earning rule "visit" removed; it was {"effects":[{"kind":"earn","points":5,"wallet":"points"}],"slug":"visit","trigger":"visit"}.',
      'Reward "mug" added: {"kind":"free_product","slug":"mug"}.',
    ]);
    const same = await shop.get('/v1/program/diff?from=1&to=1');
    assert.deepEqual(same.body, { data: [] }, same.text);
    const draft = await shop.get('/v1/program/diff');
    assert.equal(draft.status, 200, draft.text);
    problem(await shop.get('/v1/program/diff?from=99'), 404, 'not_found');
    problem(await shop.get('/v1/program/diff?from=x'), 422, 'invalid');
  });

  test('a red test inside the program blocks publishing, from the command line too', async () => {
    const red = { ...program, tests: [{ name: 'a visit earns 1', steps: [{ event: { type: 'visit' } }, { expect: { balances: { stars: { active: 1 } } } }] }] };
    const draft = await shop.get('/v1/program/draft');
    const put = await shop.ask('PUT', '/v1/program/draft', red, { headers: { 'if-match': draft.headers.get('etag') || '*' } });
    assert.equal(put.status, 200, put.text);
    const versions = (await shop.get('/v1/program/versions')).body.data.length;
    problem(await shop.post('/v1/program/publish', {}), 422, 'tests_failed', '/tests/0/steps/1/expect/balances/stars/active');
    assert.equal((await shop.get('/v1/program/versions')).body.data.length, versions);
    writeFileSync(join(shop.dir, 'red.json'), JSON.stringify(red));
    const published = shop.try('program', 'publish', join(shop.dir, 'red.json'));
    assert.notEqual(published.status, 0);
    assert.match(published.stderr, /steps\/1\/expect/);
    assert.equal(shop.try('program', 'test', join(shop.dir, 'red.json')).status, 1);
    red.tests[0].steps[1].expect.balances.stars.active = 0;
    writeFileSync(join(shop.dir, 'green.json'), JSON.stringify(red));
    assert.equal(shop.run('program', 'test', join(shop.dir, 'green.json')), '1 tests passed\n');
  });
});
