// Referrals: codes, nobody refers themself, caps under load, suspended and erased members, restarts.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Instance, databases, onEach, problem } from './harness.mjs';

const document = {
  name: 'Shop', currency: 'EUR', wallets: [{ slug: 'points' }],
  attributes: ['address', 'device', 'payment_token'].map((name) => ({ name, type: 'text' })),
  referrals: [{
    slug: 'friend', qualifies: { on: 'first_purchase', min_amount: 1000 }, hold_days: 0, link: 'https://shop.example/j/{{code}}?x=1',
    advocate: { effects: [{ kind: 'earn', wallet: 'points', points: 100 }] }, referee: { effects: [{ kind: 'earn', wallet: 'points', points: 10 }] },
    cap: { period: 'lifetime', count: 5 },
  }],
};
let number = 0;
const event = (type, member, data) => ({ specversion: '1.0', id: `r-${++number}`, source: 'till', type, time: '2026-01-01T00:00:00Z', subject: `ext:${member}`, data });
const bought = (member, amount = 1000) => event('purchase', member, { amount, currency: 'EUR' });

onEach('referrals', { document }, (shop) => {
  const enrol = (body) => shop.post('/v1/members', body);
  const active = async (member) => (await shop.get(`/v1/members/ext:${member}/balances`)).body.data[0].active;
  const states = async (member) => (await shop.get(`/v1/members/ext:${member}/referrals`)).body.data.map((r) => r.state);
  let code;
  before(async () => {
    await shop.serve();
    const ann = await enrol({ external_id: 'ann', email: 'ann.lee@gmail.com', phone: '+31612345678', attributes: { address: 'Straße 1, 1012 AB Amsterdam', device: 'D-1', payment_token: 'tok_1' } });
    assert.equal(ann.status, 201, ann.text);
    code = ann.body.referral_code;
  });

  test('a code is the member\'s own, and the link carries it', async () => {
    assert.match(code, /^[0-9A-Z*~$=-]{20}$/);
    const { status, body } = await shop.get('/v1/members/ext:ann/referral');
    assert.equal(status, 200);
    assert.deepEqual(body, { code, link: `https://shop.example/j/${code}?x=1`, brought_by: null });
    assert.equal((await shop.get('/v1/members/ext:ann')).body.referral_code, code);
    problem(await shop.get('/v1/members/ext:nobody/referral'), 404, 'not_found');
  });

  test('nobody refers themself under another name', async () => {
    for (const same of [{ email: 'annlee+2@googlemail.com' }, { email: 'a.n.n.l.e.e@gmail.com' }, { attributes: { address: 'STRASSE 1 1012ab amsterdam' } }, { attributes: { device: ' D-1' } }, { attributes: { payment_token: 'tok_1' } }]) {
      problem(await enrol({ external_id: 'me', ...same, referral_code: code }), 422, 'self_referral', '/referral_code');
    }
    problem(await shop.get('/v1/members/ext:me'), 404, 'not_found');
    await shop.ask('PATCH', '/v1/members/ext:ann', { phone: '+31600000000' });
    problem(await enrol({ external_id: 'me', phone: '+31612345678', referral_code: code }), 422, 'self_referral', '/referral_code');
    const own = await enrol({ external_id: 'tag', email: '+tag@example.org' });
    assert.equal((await enrol({ external_id: 'tag2', email: '+other@example.org', referral_code: own.body.referral_code })).status, 201); // no tag, a name
    const other = await enrol({ external_id: 'other', email: 'ann.lee@example.org', referral_code: code });
    assert.equal(other.status, 201, other.text);
    assert.deepEqual(await states('ann'), ['named']);
  });

  test('an event names the advocate too; self, unknown and twice are refused', async () => {
    await enrol({ external_id: 'twin', email: 'ann.l.e.e+x@gmail.com' });
    await enrol({ external_id: 'bo' });
    const name = async (member, given) => (await shop.event(event('referral', member, { code: given }))).body;
    assert.equal((await name('twin', code)).reason, 'self_referral');
    assert.equal((await name('ann', code)).reason, 'self_referral');
    assert.equal((await name('bo', 'NOBODYS')).reason, 'unknown_code');
    const named = await name('bo', code.toLowerCase().replaceAll('-', ''));
    assert.deepEqual([named.outcome, named.referral], ['applied', { referral: 'friend', state: 'named', held_until: null }]);
    assert.equal((await name('bo', code)).reason, 'already_referred');
    problem(await shop.event(event('referral', 'bo', { code, referral: 'none' })), 422, 'invalid', '/data/referral');
    problem(await shop.event(event('referral', 'bo', {})), 422, 'invalid', '/data/code');
    problem(await enrol({ external_id: 'x', referral_code: 'NOBODYS' }), 422, 'unknown_referral_code', '/referral_code');
    problem(await enrol({ external_id: 'x', referral_code: 7 }), 422, 'invalid', '/referral_code');
  });

  test('a dry run says what would happen, and nothing does', async () => {
    const dry = await shop.post('/v1/events?dry_run=true', bought('bo'));
    assert.equal(dry.status, 200, dry.text);
    assert.deepEqual([dry.body.referral.state, dry.body.points[0].earned], ['rewarded', 10]);
    assert.deepEqual([await active('ann'), await active('bo')], [0, 0]);
    assert.deepEqual(await states('ann'), ['named', 'named']);
  });

  test('of many at once exactly as many count as the cap allows, and a replay gives nothing', async () => {
    const friends = Array.from({ length: 12 }, (_, i) => `f${i}`);
    const joined = await Promise.all(friends.map((f) => enrol({ external_id: f, referral_code: code })));
    assert.ok(joined.every((a) => a.status === 201));
    const purchases = friends.map((f) => bought(f));
    const answers = await Promise.all(purchases.map((p) => shop.event(p)));
    for (const a of answers) assert.deepEqual([a.body.referral.state, a.body.points[0].earned], ['rewarded', 10]);
    assert.equal(await active('ann'), 500);
    const is = await states('ann');
    assert.deepEqual([is.filter((s) => s === 'rewarded').length, is.filter((s) => s === 'capped').length], [5, 7]);
    await Promise.all(purchases.map((p) => shop.event(p)));
    assert.equal(await active('ann'), 500);
    shop.run('verify');
  });

  test('lists page, newest first, and name nobody', async () => {
    const all = (await shop.get('/v1/referrals?limit=1000')).body.data;
    const seen = [];
    let cursor = '';
    do {
      const { body } = await shop.get(`/v1/members/ext:ann/referrals?limit=3${cursor}`);
      seen.push(...body.data);
      cursor = body.next_cursor && `&cursor=${body.next_cursor}`;
    } while (cursor);
    assert.deepEqual(seen, all.filter((r) => r.advocate === seen[0].advocate));
    assert.ok(!JSON.stringify(all).includes('gmail'));
    problem(await shop.get('/v1/referrals?limit=0'), 422, 'invalid');
  });

  test('a suspended advocate gets theirs when they are resumed', async () => {
    const { body } = await enrol({ external_id: 'sue' });
    await enrol({ external_id: 'sid', referral_code: body.referral_code });
    await shop.post('/v1/members/ext:sue/suspend', {});
    assert.equal((await shop.event(bought('sid'))).body.points[0].earned, 10);
    assert.deepEqual([await active('sue'), await states('sue')], [0, ['named']]);
    await shop.post('/v1/members/ext:sue/resume', {});
    assert.deepEqual([await active('sue'), await states('sue')], [100, ['rewarded']]);
  });

  test('an erased advocate breaks nothing, and their code finds nobody', async () => {
    const { body } = await enrol({ external_id: 'era', email: 'era@example.org' });
    await enrol({ external_id: 'eli', referral_code: body.referral_code });
    await shop.ask('DELETE', '/v1/members/ext:era');
    assert.equal((await shop.event(bought('eli'))).body.points[0].earned, 10);
    problem(await enrol({ external_id: 'eve', referral_code: body.referral_code }), 422, 'unknown_referral_code', '/referral_code');
    await shop.ask('DELETE', '/v1/members/ext:eli');
    shop.run('verify');
  });

  test('a friend who is forgotten before anything was given brings nothing', async () => {
    const { body } = await enrol({ external_id: 'fay' });
    await enrol({ external_id: 'flo', referral_code: body.referral_code });
    await shop.ask('DELETE', '/v1/members/ext:flo');
    assert.deepEqual([await active('fay'), await states('fay')], [0, ['revoked']]);
    shop.run('verify');
  });

  test('a refund takes it back on both sides', async () => {
    const { body } = await enrol({ external_id: 'ria' });
    await enrol({ external_id: 'rob', referral_code: body.referral_code });
    const purchase = bought('rob');
    await shop.event(purchase);
    assert.deepEqual([await active('ria'), await active('rob')], [100, 10]);
    const refund = await shop.event(event('refund', 'rob', { original: { source: 'till', id: purchase.id }, amount: 1 }));
    assert.deepEqual([refund.body.referral.state, refund.body.points[0].revoked], ['revoked', 10]);
    assert.deepEqual([await active('ria'), await active('rob'), await states('ria')], [0, 0, ['revoked']]);
    const timeline = (await shop.get('/v1/members/ext:ria/timeline')).body.data.map((e) => e.type);
    assert.deepEqual(timeline, ['referral.revoked', 'referral.rewarded', 'referral.named', 'member.enrolled']);
    shop.run('verify');
  });
});

onEach('a program without referrals', { document: { name: 'Shop', currency: 'EUR', wallets: [{ slug: 'points' }] } }, (shop) => {
  before(() => shop.serve());

  test('draws no codes and takes none; a later version gives one to whoever asks', async () => {
    const { body } = await shop.post('/v1/members', { external_id: 'old', email: 'old@gmail.com' });
    assert.equal(body.referral_code, null);
    problem(await shop.post('/v1/members', { external_id: 'x', referral_code: 'X' }), 422, 'invalid', '/referral_code');
    problem(await shop.get('/v1/members/ext:old/referral'), 404, 'not_found');
    problem(await shop.event(event('referral', 'old', { code: 'X' })), 422, 'invalid', '/type');
    writeFileSync(join(shop.dir, 'later.json'), JSON.stringify(document));
    shop.run('program', 'publish', join(shop.dir, 'later.json'));
    const first = (await shop.get('/v1/members/ext:old/referral')).body.code;
    assert.equal((await shop.get('/v1/members/ext:old/referral')).body.code, first);
    problem(await shop.post('/v1/members', { external_id: 'x', email: 'o.l.d@gmail.com', referral_code: first }), 422, 'self_referral', '/referral_code');
  });
});

const uncapped = { ...document, referrals: [{ ...document.referrals[0], cap: undefined }] };

// Until something holds; what is left of a lease is waited for.
async function until(what, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  while (!(await what())) {
    assert.ok(Date.now() < end, 'it did not come');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

onEach('referrals, killed between a friend\'s purchase and what the advocate gets', { document: uncapped }, (shop) => {
  const friends = Array.from({ length: 40 }, (_, i) => `k${i}`);
  const total = async () => (await shop.balance('ext:kit')).active;
  before(() => shop.serve());

  test('each friend counts once', async () => {
    const { body } = await shop.post('/v1/members', { external_id: 'kit' });
    const joined = await Promise.all(friends.map((f) => shop.post('/v1/members', { external_id: f, referral_code: body.referral_code })));
    assert.ok(joined.every((a) => a.status === 201));
    const purchases = friends.map((f) => bought(f));
    for (let round = 0; round < 3; round += 1) {
      let answered = 0;
      const asked = purchases.map((p) => shop.event(p).then(() => {
        answered += 1;
        if (answered === 8 * (round + 1)) shop.process.kill('SIGKILL');
      }, () => {}));
      await Promise.all(asked);
      if (shop.process.signalCode === null) shop.process.kill('SIGKILL');
      await shop.ended;
      shop.run('verify');
      await shop.serve();
    }
    for (const p of purchases) assert.ok([200, 201].includes((await shop.event(p)).status));
    await until(async () => (await total()) >= friends.length * 100);
    const { data } = (await shop.get('/v1/members/ext:kit/referrals?limit=100')).body;
    await until(async () => (await shop.get('/v1/members/ext:kit/timeline?limit=1000')).body.data.filter((e) => e.type === 'referral.rewarded').length === friends.length);
    assert.equal(await total(), friends.length * 100);
    assert.deepEqual([...new Set(data.map((r) => r.state))], ['rewarded']);
    shop.run('verify');
  });
});

if (databases.includes('postgres')) {
  describe('referrals, by two servers on one database', () => {
    const shop = new Instance('postgres', { document: { ...uncapped, referrals: undefined } });
    const other = Object.create(shop); // its own process and address, the same keys and database
    before(async () => {
      await Promise.all([shop.serve(), other.serve()]);
      for (let i = 0; i < 5; i += 1) await shop.post('/v1/members', { external_id: `x${i}` });
      writeFileSync(join(shop.dir, 'later.json'), JSON.stringify(uncapped));
      shop.run('program', 'publish', join(shop.dir, 'later.json'));
    });
    after(() => other.stop());

    test('friends who buy at both at once count once each', async () => {
      const { body } = await shop.post('/v1/members', { external_id: 'duo' });
      const friends = Array.from({ length: 30 }, (_, i) => `d${i}`);
      await Promise.all(friends.map((f, i) => [shop, other][i % 2].post('/v1/members', { external_id: f, referral_code: body.referral_code })));
      const purchases = friends.map((f) => bought(f));
      await Promise.all(purchases.flatMap((p) => [shop.event(p), other.event(p)]));
      await until(async () => (await shop.balance('ext:duo')).active >= 3000);
      assert.equal((await other.balance('ext:duo')).active, 3000);
    });

    test('naming each other at both at once makes no circle', async () => {
      for (let round = 0; round < 10; round += 1) {
        const members = [`a${round}`, `b${round}`, `c${round}`];
        const made = await Promise.all(members.map((m) => shop.post('/v1/members', { external_id: m })));
        const codes = made.map((a) => a.body.referral_code);
        const answers = await Promise.all(members.map((m, i) => [shop, other][i % 2].event(event('referral', m, { code: codes[(i + 1) % 3] }))));
        assert.deepEqual(answers.map((a) => a.body.reason ?? a.body.outcome).toSorted(), ['applied', 'applied', 'circular_referral']);
      }
      shop.run('verify');
    });

    test('a code that two servers draw at once is one code', async () => {
      for (let round = 0; round < 5; round += 1) {
        const answers = await Promise.all([shop, other, shop, other].map((s) => s.get(`/v1/members/ext:x${round}/referral`)));
        assert.deepEqual(answers.map((a) => a.status), [200, 200, 200, 200]);
        assert.equal(new Set(answers.map((a) => a.body.code)).size, 1);
      }
    });
  });
}

// Comparing at the naming only would leave a way round it: take the other's address afterwards.
const waiting = structuredClone(document);
waiting.referrals[0].hold_days = 2;
onEach('who turns out to be their own advocate', { document }, (shop) => {
  const enrol = async (body) => { const made = await shop.post('/v1/members', body); assert.equal(made.status, 201, made.text); return made.body; };
  const change = async (member, body) => assert.equal((await shop.ask('PATCH', `/v1/members/ext:${member}`, body)).status, 200);
  const active = async (member) => (await shop.get(`/v1/members/ext:${member}/balances`)).body.data[0].active;
  const states = async (member) => (await shop.get(`/v1/members/ext:${member}/referrals`)).body.data.map((r) => r.state);
  before(() => shop.serve());

  test('brings nothing: what both have is compared again before anything is given', async () => {
    const cases = {
      referee: async () => change('b-referee', { email: 'a-referee+2@example.org' }),
      advocate: async () => change('a-advocate', { phone: null, attributes: { device: 'D-b-advocate' } }),
      back: async () => { await change('b-back', { email: 'a-back+2@example.org' }); await change('b-back', { email: 'b-back@example.org' }); },
    };
    for (const [name, same] of Object.entries(cases)) {
      const { referral_code } = await enrol({ external_id: `a-${name}`, email: `a-${name}@example.org` });
      await enrol({ external_id: `b-${name}`, email: `b-${name}@example.org`, attributes: { device: `D-b-${name}` }, referral_code });
      await same();
      const first = (await shop.event(bought(`b-${name}`))).body;
      assert.deepEqual([first.outcome, first.referral.state, first.points[0].earned], ['applied', 'revoked', 0], name);
      assert.deepEqual([await active(`a-${name}`), await states(`a-${name}`)], [0, ['revoked']], name);
      assert.equal((await shop.event(bought(`b-${name}`))).body.referral, undefined);
      const again = (await shop.event(event('referral', `b-${name}`, { code: referral_code }))).body;
      assert.equal(again.reason, 'already_referred');
    }
  });

  test('an order that is completed asks too', async () => {
    const { referral_code } = await enrol({ external_id: 'a-order', email: 'a-order@example.org' });
    await enrol({ external_id: 'b-order', referral_code });
    const placed = (await shop.event({ ...bought('b-order'), data: { amount: 1000, currency: 'EUR', status: 'placed' } })).body;
    assert.equal(placed.referral.state, 'qualified');
    await change('b-order', { email: 'a-order+x@example.org' });
    const done = (await shop.event(event('purchase.completed', 'b-order', { original: { id: placed.event.external_id } }))).body;
    assert.deepEqual([done.outcome, done.referral.state], ['applied', 'revoked']);
    assert.deepEqual([await active('a-order'), await active('b-order')], [0, 0]);
  });

  test('who has changed nothing alike brings what they bring', async () => {
    const { referral_code } = await enrol({ external_id: 'a-fine', email: 'a-fine@example.org' });
    await enrol({ external_id: 'b-fine', email: 'b-fine@example.org', referral_code });
    await change('b-fine', { email: 'c-fine@example.org' });
    assert.equal((await shop.event(bought('b-fine'))).body.referral.state, 'rewarded');
    await change('b-fine', { email: 'a-fine+x@example.org' });
    assert.deepEqual([await active('a-fine'), await active('b-fine'), await states('a-fine')], [100, 10, ['rewarded']], 'what was given stays');
  });
});

onEach('who turns out to be their own advocate while they wait', { document: waiting }, (shop) => {
  test('gets nothing at the end of the hold', async () => {
    await shop.serve();
    const clock = (now) => shop.post('/v1/test/clock', { now });
    assert.equal((await clock('2026-01-01T12:00:00Z')).status, 200);
    const { body } = await shop.post('/v1/members', { external_id: 'ada', email: 'ada@example.org' });
    for (const referee of ['sly', 'good']) assert.equal((await shop.post('/v1/members', { external_id: referee, referral_code: body.referral_code })).status, 201);
    for (const referee of ['sly', 'good']) assert.equal((await shop.event(bought(referee))).body.referral.state, 'qualified');
    assert.equal((await shop.ask('PATCH', '/v1/members/ext:sly', { email: 'ada+1@example.org' })).status, 200);
    assert.equal((await clock('2026-01-05T12:00:00Z')).status, 200);
    assert.deepEqual((await shop.get('/v1/members/ext:ada/referrals')).body.data.map((r) => r.state).toSorted(), ['revoked', 'rewarded']);
    assert.deepEqual([(await shop.balance('ext:ada')).active, (await shop.balance('ext:sly')).active, (await shop.balance('ext:good')).active], [100, 0, 10]);
    const [last] = (await shop.get('/v1/members/ext:sly/timeline')).body.data.filter((e) => e.type === 'referral.rewarded');
    assert.equal(last.outcome, 'refused');
  });
});
