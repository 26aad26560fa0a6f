// Files of an earlier day come back: whoever was forgotten since then stays forgotten.
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { onEach, problem, purchase } from './harness.mjs';

onEach('restored files', {}, (shop) => {
  const books = (name) => /^loyald\.db/.test(name);
  const keys = (name) => /^keys\.db/.test(name);
  const save = (to) => readdirSync(shop.dir).filter((name) => books(name) || keys(name)).forEach((name) => cpSync(join(shop.dir, name), join(shop.dir, to, name)));
  const restore = (from, which) => {
    readdirSync(shop.dir).filter(which).forEach((name) => rmSync(join(shop.dir, name)));
    readdirSync(join(shop.dir, from)).filter(which).forEach((name) => cpSync(join(shop.dir, from, name), join(shop.dir, name)));
  };
  const ids = {};
  afterEach(() => shop.process && shop.stop());

  const stillForgotten = async () => {
    problem(await shop.get('/v1/members/ext:ANN'), 404, 'not_found');
    problem(await shop.get('/v1/members/email:ann@example.org'), 404, 'not_found');
    problem(await shop.post('/v1/members/lookup', { email: 'ann@example.org' }), 404, 'not_found');
    assert.deepEqual((await shop.get('/v1/members?query=Ann')).body.data, []);
    const ann = (await shop.get(`/v1/members/${ids.ANN}`)).body;
    assert.equal(ann.status, 'erased');
    assert.ok(!JSON.stringify(ann).includes('Ann'), JSON.stringify(ann));
    const bob = (await shop.get('/v1/members/ext:BOB')).body;
    assert.deepEqual([bob.status, bob.name.given], ['active', 'Bob']);
    assert.equal((await shop.balance('ext:BOB')).pending, 45);
  };

  test('an old backup of the books and of the keys resurrects nobody', async () => {
    await shop.serve();
    for (const [id, given] of [['ANN', 'Ann'], ['BOB', 'Bob']]) {
      const made = await shop.post('/v1/members', { external_id: id, email: `${given}@example.org`, name: { given, family: 'Canetti' } });
      assert.equal(made.status, 201, made.text);
      ids[id] = made.body.id;
      assert.equal((await shop.event(purchase({}, { subject: `ext:${id}` }))).status, 201);
    }
    await shop.stop();
    save('backup');
    await shop.serve();
    assert.equal((await shop.ask('DELETE', `/v1/members/${ids.ANN}`)).status, 200);
    await shop.ask('PATCH', `/v1/members/${ids.BOB}`, { name: { given: 'Bob', family: 'Other' } });
    await shop.stop();
    restore('backup', (name) => keys(name) || books(name));
    await shop.serve();
    await stillForgotten();
    if (shop.database === 'sqlite') assert.match(shop.log, /erasures_finished=1\b/); // PostgreSQL's books were not restored here
    await shop.stop();
    assert.equal(shop.try('verify').status, 0);
  });

  test('started once more, there is nothing left to forget', async () => {
    const log = () => readFileSync(join(shop.dir, 'erasures.log'), 'utf8');
    const before = log();
    await shop.serve();
    assert.doesNotMatch(shop.log, /erasures_finished/);
    await stillForgotten();
    await shop.stop();
    assert.equal(log(), before);
    assert.equal(new Set(before.trim().split('\n').map((line) => line.split(' ')[1])).size, 1);
  });

  test('a line of erasures.log that nobody can read keeps the server from starting', async () => {
    const path = join(shop.dir, 'erasures.log');
    const before = readFileSync(path);
    appendFileSync(path, 'v1 what 2026-01-01T00:00:00.000Z\n');
    await assert.rejects(shop.serve(), /erasures\.log/);
    rmSync(path);
    appendFileSync(path, Buffer.concat([before, Buffer.from('v1 12')])); // cut short by a crash: never in force
    await shop.serve();
    await stillForgotten();
    await shop.stop();
  });
});
