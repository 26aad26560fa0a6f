// What the clock brings: birthdays that are corrected, versions that bring moments to members who exist already.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onEach, problem, program } from './harness.mjs';

const birthdays = {
  ...program,
  earning_rules: [...program.earning_rules, { slug: 'happy', trigger: 'birthday', effects: [{ kind: 'earn', wallet: 'stars', points: 50 }] }],
};

const stars = (body) => body.balances.find((b) => b.wallet === 'stars').active;
const metric = (text, name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)[1]);

onEach('what the clock brings', { document: program }, (shop) => {
  before(() => shop.serve());
  const publish = (document) => {
    writeFileSync(join(shop.dir, 'next.json'), JSON.stringify(document));
    shop.run('program', 'publish', join(shop.dir, 'next.json'));
  };
  const patch = (path, body, options) => shop.ask('PATCH', path, body, options);
  const clock = async (now) => assert.equal((await shop.post('/v1/test/clock', { now })).status, 200);
  const birthdaysOf = async (member) =>
    (await shop.get(`/v1/members/${member}/timeline`)).body.data.filter((e) => e.type === 'birthday').map((e) => e.time);

  test('members who exist already are given what a new version waits for', async () => {
    for (let i = 0; i < 20; i++) {
      const { status, text } = await shop.post('/v1/members', { external_id: `P-${i}`, birth_date: '1990-06-10' });
      assert.equal(status, 201, text);
    }
    publish(birthdays);
    await clock('2026-02-01T00:00:00Z');
    const { text } = await shop.get('/metrics');
    assert.deepEqual([metric(text, 'loyald_arming_version'), metric(text, 'loyald_arming_members'), metric(text, 'loyald_arming_running')], [2, 20, 0]);
    await clock('2026-06-10T07:00:00Z');
    for (let i = 0; i < 20; i++) {
      assert.equal(stars((await shop.get(`/v1/members/ext:P-${i}`)).body), 50);
    }
    assert.deepEqual(await birthdaysOf('ext:P-3'), ['2026-06-10T07:00:00.000Z']);
  });

  test('the same version is not gone over again after a restart, and nothing is kept twice', async () => {
    await shop.stop();
    await shop.serve();
    await clock('2026-06-11T00:00:00Z');
    assert.equal(metric((await shop.get('/metrics')).text, 'loyald_arming_members'), 20);
    assert.deepEqual(await birthdaysOf('ext:P-3'), ['2026-06-10T07:00:00.000Z']);
  });

  test('a corrected birth date counts from next year where it is near the last birthday', async () => {
    assert.equal((await patch('/v1/members/ext:P-0', { birth_date: '1990-12-01' })).status, 200);
    await clock('2027-01-01T00:00:00Z'); // 1 December is 174 days after 10 June
    assert.deepEqual(await birthdaysOf('ext:P-0'), ['2026-06-10T07:00:00.000Z']);
    await clock('2027-12-01T08:00:00Z');
    assert.deepEqual(await birthdaysOf('ext:P-0'), ['2027-12-01T08:00:00.000Z', '2026-06-10T07:00:00.000Z']);
  });

  test('a date entered for the first time is no change; a second change needs the scope', async () => {
    const key = shop.createKey('desk', 'members:write members:read');
    const desk = (body) => patch('/v1/members/ext:N', body, { key });
    assert.equal((await shop.post('/v1/members', { external_id: 'N' })).status, 201);
    assert.equal((await desk({ birth_date: '1980-01-01' })).status, 200); // the first
    assert.equal((await desk({ birth_date: '1980-01-02' })).status, 200); // a correction
    assert.equal((await desk({ birth_date: '1980-01-02', city: 'Utrecht' })).status, 200); // the same
    problem(await desk({ birth_date: '1980-01-03' }), 403, 'birth_date_changed', '/birth_date');
    problem(await desk({ birth_date: null }), 403, 'birth_date_changed', '/birth_date');
    assert.equal((await patch('/v1/members/ext:N', { birth_date: '1980-01-03' })).status, 200); // a key with all scopes
    assert.equal((await shop.get('/v1/members/ext:N')).body.birth_date, '1980-01-03');
  });

  test('a time zone that nobody knows is refused, wherever it is given', async () => {
    for (const timezone of ['Mars/Olympus', 'europe/amsterdam', 'GMT+25:00', 'Europe/']) {
      problem(await shop.post('/v1/members', { external_id: 'MARS', timezone }), 422, 'invalid', '/timezone');
      problem(await shop.post('/v1/members?dry_run=true', { external_id: 'MARS', timezone }), 422, 'invalid', '/timezone');
      problem(await patch('/v1/members/ext:N', { timezone }), 422, 'invalid', '/timezone');
    }
    assert.equal((await shop.get('/v1/members/ext:MARS')).status, 404);
    assert.equal((await shop.post('/v1/members', { external_id: 'MARS', timezone: 'Asia/Kathmandu' })).body.timezone, 'Asia/Kathmandu');
    assert.equal((await patch('/v1/members/ext:MARS', { timezone: null })).body.timezone, null);
  });

  test('another time zone moves what is to come', async () => {
    assert.equal((await shop.post('/v1/members', { external_id: 'Z', birth_date: '1980-06-10' })).status, 201);
    assert.equal((await patch('/v1/members/ext:Z', { timezone: 'Asia/Tokyo' })).status, 200);
    await clock('2028-06-10T00:00:00Z');
    assert.deepEqual(await birthdaysOf('ext:Z'), ['2028-06-10T00:00:00.000Z']);
    assert.equal((await patch('/v1/members/ext:Z', { timezone: 'America/New_York' })).status, 200);
    await clock('2028-06-11T00:00:00Z');
    assert.deepEqual(await birthdaysOf('ext:Z'), ['2028-06-10T00:00:00.000Z']); // once a year, wherever they are
  });

  test('a birthday is explained by what was stored with it, and the books are sound', async () => {
    const { data } = (await shop.get('/v1/members/ext:P-3/timeline')).body;
    const birthday = data.find((e) => e.type === 'birthday');
    assert.equal(birthday.source, 'loyald/clock');
    await shop.stop();
    shop.run('verify');
    await shop.serve();
  });
});

const contracts = {
  ...program,
  attributes: [{ name: 'contract_end', type: 'date', segment: true }],
  schedules: [{ slug: 'ending', before: { days: 60 }, date: 'member.attributes.contract_end', emits: 'contract.ending' }],
  earning_rules: [{ slug: 'stay', trigger: 'contract.ending', effects: [{ kind: 'earn', wallet: 'stars', points: 10 }] }],
};

onEach('schedules', { document: contracts }, (shop) => {
  before(() => shop.serve());
  const clock = async (now) => assert.equal((await shop.post('/v1/test/clock', { now })).status, 200);
  const setEnd = async (date) => assert.equal((await shop.ask('PATCH', '/v1/members/ext:C', { attributes: { contract_end: date } })).status, 200);
  const datesOf = async () =>
    (await shop.get('/v1/members/ext:C/timeline')).body.data.filter((e) => e.type === 'contract.ending').map((e) => e.time);

  test('another date arms anew, a date comes once, and none that is too near when it is entered', async () => {
    assert.equal((await shop.post('/v1/members', { external_id: 'C', attributes: { contract_end: '2026-05-01' } })).status, 201);
    await setEnd('2026-06-01');
    await clock('2026-03-15T00:00:00Z');
    assert.deepEqual(await datesOf(), []); // the first date is no more
    await clock('2026-04-02T12:00:00Z');
    assert.deepEqual(await datesOf(), ['2026-04-02T07:00:00.000Z']);
    await setEnd('2026-05-15'); // 43 days ahead
    await setEnd('2026-06-01'); // as it was
    await clock('2026-07-01T00:00:00Z');
    assert.deepEqual(await datesOf(), ['2026-04-02T07:00:00.000Z']);
    await setEnd('2027-06-01');
    await clock('2027-07-01T00:00:00Z');
    assert.deepEqual(await datesOf(), ['2027-04-02T07:00:00.000Z', '2026-04-02T07:00:00.000Z']);
  });

  test('a date that is taken away is waited for no more', async () => {
    await setEnd('2028-06-01');
    assert.equal((await shop.ask('PATCH', '/v1/members/ext:C', { attributes: { contract_end: null } })).status, 200);
    await clock('2028-07-01T00:00:00Z');
    assert.equal((await datesOf()).length, 2);
  });

  test('what cannot be scheduled is refused where it stands', async () => {
    const faults = async (schedule, more = {}) => {
      const answer = await shop.post('/v1/program/draft/validate', { ...contracts, earning_rules: [], ...more, schedules: [{ slug: 's', emits: 'a.b', ...schedule }] });
      return answer.body.errors?.map((e) => e.pointer) ?? answer.body;
    };
    const date = 'member.attributes.contract_end';
    const days = { days: 1 };
    assert.deepEqual(await faults({ date }), ['/schedules/0']);
    assert.deepEqual(await faults({ before: days, after: days, date }), ['/schedules/0']);
    assert.deepEqual(await faults({ every: days, date }), ['/schedules/0']);
    assert.deepEqual(await faults({ before: days, from: date }), ['/schedules/0']);
    assert.deepEqual(await faults({ before: {}, date }), ['/schedules/0/before']);
    assert.deepEqual(await faults({ before: { days: 1, months: 1 }, date }), ['/schedules/0/before']);
    assert.deepEqual(await faults({ every: { months: 2 }, from: 'subscription.start', emits: 'subscription.month_kept' }), ['/schedules/0']);
    assert.deepEqual(await faults({ every: { months: 1 }, from: 'member.enrolled_on', emits: 'subscription.month_kept' }), ['/schedules/0']);
    assert.deepEqual(await faults({ every: { months: 1 }, from: 'subscription.start', emits: 'subscription.paid' }), ['/schedules/0/emits']);
    assert.deepEqual(await faults({ every: { months: 1 }, from: 'subscription.start', while: { '==': [{ var: 'subscription.plan' }, 'x'] } }), { valid: true, tests: 0 });
    assert.deepEqual(await faults({ every: { months: 1 }, from: 'member.enrolled_on', while: { '==': [{ var: 'subscription.plan' }, 'x'] } }), ['/schedules/0/while/==/0']);
    assert.deepEqual(await faults({ before: days, date: 'member.attributes.none' }), ['/schedules/0/date']);
    assert.deepEqual(await faults({ before: days, date: 'member.city' }), ['/schedules/0/date']);
    assert.deepEqual(await faults({ before: days, date, at: '24:00' }), ['/schedules/0/at']);
    assert.deepEqual(await faults({ before: days, date, emits: 'purchase' }), ['/schedules/0/emits']);
    assert.deepEqual(await faults({ before: days, date, emits: 'tier.changed' }), ['/schedules/0/emits']);
    assert.deepEqual(await faults({ before: days, date, while: { '==': [{ var: 'member.nonsense' }, 1] } }), ['/schedules/0/while/==/0']);
    assert.deepEqual(await faults({ before: days, date }, { earning_rules: [{ slug: 'x', trigger: 'inactive', effects: [{ kind: 'earn', wallet: 'stars', points: 1 }] }] }),
      ['/earning_rules/0/trigger']);
  });
});

const scheduled = {
  name: 'Club', currency: 'EUR', timezone: 'Europe/Amsterdam', wallets: [{ slug: 'points' }],
  attributes: [{ name: 'ends', type: 'date', segment: true }],
  schedules: [{ slug: 'ending', before: { days: 1 }, date: 'member.attributes.ends', emits: 'ending' }, { slug: 'daily', every: { days: 1 }, from: 'member.enrolled_on', emits: 'a.day' }],
  earning_rules: [
    { slug: 'early', trigger: 'member.enrolled', when: { in: ['early', { var: 'member.tags' }] }, effects: [{ kind: 'earn', wallet: 'points', points: 1 }] },
    { slug: 'stay', trigger: 'ending', effects: [{ kind: 'earn', wallet: 'points', points: 100 }] },
  ],
};

onEach('a year of days for many at once', { document: { ...scheduled, schedules: scheduled.schedules.slice(1), earning_rules: [{ slug: 'day', trigger: 'a.day', effects: [{ kind: 'earn', wallet: 'points', points: 1 }] }] } }, (shop) => {
  before(() => shop.serve());

  test('all of it comes, in batches that fit into memory', async () => {
    const members = 100;
    assert.equal((await shop.post('/v1/test/clock', { now: '2026-01-01T12:00:00Z' })).status, 200);
    for (let i = 0; i < members; i += 1) assert.equal((await shop.post('/v1/members', { external_id: `M-${i}` })).status, 201);
    const moved = await shop.post('/v1/test/clock', { now: '2027-01-01T12:00:00Z' });
    assert.deepEqual([moved.status, moved.body.now], [200, '2027-01-01T12:00:00.000Z'], moved.text);
    for (let i = 0; i < members; i += 1) assert.equal((await shop.balance(`ext:M-${i}`)).active, 365, `M-${i}`);
    const [, most] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${shop.process.pid}/status`, 'utf8'));
    assert.ok(Number(most) < 800 * 1024, `${most} kB`);
  });
});

onEach('what enrolment says already counts', { document: { ...scheduled, schedules: scheduled.schedules.slice(0, 1) } }, (shop) => {
  before(() => shop.serve());
  test('a date and a tag given at enrolment are known to the schedules and rules of that moment', async () => {
    await shop.post('/v1/members', { external_id: 'M', attributes: { ends: '2026-03-05' }, tags: ['early'] });
    assert.equal((await shop.balance('ext:M')).active, 1);
    await shop.post('/v1/test/clock', { now: '2026-03-20T12:00:00Z' });
    assert.equal((await shop.balance('ext:M')).active, 101);
  });
});

onEach('a long jump of the clock', { document: scheduled }, (shop) => {
  before(() => shop.serve());
  test('runs in steps, and a century is the most', async () => {
    await shop.post('/v1/members', { external_id: 'M' });
    assert.equal((await shop.post('/v1/test/clock', { now: '2036-01-01T00:00:00Z' })).status, 200);
    problem(await shop.post('/v1/test/clock', { now: '9999-12-31T23:59:59Z' }), 422, 'clock', '/now');
    const moves = (await shop.get('/v1/audit?limit=1000')).body.data.filter((entry) => entry.action === 'clock.set');
    assert.equal(moves.length, 1);
  });
});

const repeating = {
  name: 'Club', currency: 'EUR', timezone: 'Europe/Amsterdam', wallets: [{ slug: 'points' }],
  attributes: [{ name: 'since', type: 'date', segment: true }],
  schedules: [{ slug: 'monthly', every: { months: 1 }, from: 'member.attributes.since', emits: 'a.month' }, { slug: 'daily', every: { days: 1 }, from: 'member.attributes.since', emits: 'a.day' }],
  earning_rules: [
    { slug: 'month', trigger: 'a.month', effects: [{ kind: 'earn', wallet: 'points', points: 1000 }] },
    { slug: 'day', trigger: 'a.day', effects: [{ kind: 'earn', wallet: 'points', points: 1 }] },
  ],
};

onEach('members who move', { document: repeating }, (shop) => {
  before(() => shop.serve());
  test('have each day of a schedule once, wherever they go', async () => {
    for (const member of ['ROVER', 'HOME']) await shop.post('/v1/members', { external_id: member, attributes: { since: '2026-02-10' } });
    const clock = async (now) => assert.equal((await shop.post('/v1/test/clock', { now })).status, 200);
    const move = (timezone) => shop.ask('PATCH', '/v1/members/ext:ROVER', { timezone });
    for (let day = 8; day <= 14; day += 1) {
      const date = `2026-03-${String(day).padStart(2, '0')}`;
      await clock(`${date}T02:00:00Z`);
      await move('Pacific/Kiritimati');
      await clock(`${date}T19:30:00Z`);
      await move('Pacific/Pago_Pago');
      await clock(`${date}T20:30:00Z`);
    }
    await move('Europe/Amsterdam');
    await clock('2026-03-20T12:00:00Z');
    const events = (await shop.get('/v1/members/ext:ROVER/timeline?limit=1000')).body.data.filter((e) => e.source === 'loyald/clock');
    const ids = events.map((e) => `${e.type} ${e.time}`);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(events.filter((e) => e.type === 'a.month').length, 1);
    assert.ok((await shop.balance('ext:ROVER')).active <= (await shop.balance('ext:HOME')).active);
  });
});
