// The self-check beside the server, from outside: damage freezes one member, until a clean check releases them.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import { loyald, onEach, problem, purchase } from './harness.mjs';

const psql = process.env.PSQL || '/usr/lib/postgresql/15/bin/psql';

onEach('the watch', {}, (shop) => {
  let ann;
  const metric = async (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await shop.get('/metrics')).text)?.[1]);
  const pass = async () => {
    while (await metric('loyald_verify_passes_total') === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  };

  before(async () => {
    await shop.serve();
    ann = (await shop.post('/v1/members', { external_id: 'W-1' })).body.id;
    await shop.event(purchase({}, { subject: 'ext:W-1', id: 'watched-1' }));
    await shop.event(purchase({}, { subject: 'ext:W-2', id: 'watched-2' }));
  });

  test('sound books are found sound, and nobody is frozen', async () => {
    await pass();
    assert.equal(await metric('loyald_verify_violations_total'), 0);
    assert.equal(await metric('loyald_members_frozen'), 0);
    assert.match(shop.try('verify', '--release', ann).stderr, /was not frozen/);
    assert.equal(shop.try('verify', '--release', 'ext:W-1').status, 2);
    assert.equal(shop.try('verify', '--release', 'mbr_0000000000001').status, 2);
  });

  test('a damaged member is frozen and released after a clean check', { skip: shop.database !== 'postgres' && 'needs psql' }, async () => {
    const run = (text) => assert.equal(spawnSync(psql, ['-qc', text, shop.env.LOYALD_DATABASE]).status, 0);
    await shop.stop();
    run('UPDATE transfer SET points = points + 1 WHERE transfer_id = (SELECT min(transfer_id) FROM transfer)');
    await shop.serve();
    const refused = await shop.event(purchase({}, { subject: 'ext:W-1' }));
    problem(refused, 409, 'member_frozen');
    assert.match(refused.body.detail, /verify\.md/);
    problem(await shop.ask('PATCH', '/v1/members/ext:W-1', { city: 'x' }), 409, 'member_frozen');
    problem(await shop.post('/v1/members/ext:W-1/suspend'), 409, 'member_frozen');
    problem(await shop.post('/v1/members/ext:W-1/adjustments', { wallet: 'points', points: 1, reason: 'x' }), 409, 'member_frozen');
    assert.equal((await shop.get('/v1/members/ext:W-1')).body.status, 'active'); // refused whole
    assert.equal((await shop.event(purchase({}, { subject: 'ext:W-2' }))).status, 201);
    assert.equal((await shop.get('/readyz')).status, 200);
    assert.equal(await metric('loyald_members_frozen'), 1);
    assert.equal(shop.try('verify', '--release', ann).status, 1);
    run('UPDATE transfer SET points = points - 1 WHERE transfer_id = (SELECT min(transfer_id) FROM transfer)');
    assert.match(shop.try('verify', '--release', ann).stderr, /is released/);
    assert.equal((await shop.event(purchase({}, { subject: 'ext:W-1' }))).status, 201);
    const actions = (await shop.get('/v1/audit')).body.data.map((entry) => entry.action);
    assert.ok(actions.includes('member.freeze') && actions.includes('member.release'), actions.join());
  });
});

const friends = { name: 'Shop', currency: 'EUR', wallets: [{ slug: 'points' }], referrals: [{ slug: 'friend', hold_days: 0, advocate: { effects: [] }, referee: { effects: [] } }] };

onEach('the self-check beside erasures', { document: friends }, (shop) => {
  const seconds = 4;
  before(() => shop.serve());

  test('takes none of them for damage, however many there are', async () => {
    const end = Date.now() + seconds * 1000;
    const { referral_code: code } = (await shop.post('/v1/members', { external_id: 'advocate' })).body;
    const erase = async (worker) => {
      for (let i = 0; Date.now() < end; i += 1) {
        const made = await shop.post('/v1/members', { external_id: `E-${worker}-${i}`, referral_code: code });
        assert.equal(made.status, 201, made.text);
        await shop.event(purchase({}, { subject: `ext:E-${worker}-${i}`, id: `erased-${worker}-${i}` }));
        assert.equal((await shop.ask('DELETE', `/v1/members/${made.body.id}`)).status, 200);
      }
    };
    const look = async () => {
      while (Date.now() < end) {
        const [status, text] = await new Promise((resolve) => {
          const child = spawn(loyald, ['verify'], { env: shop.env, cwd: shop.dir });
          let out = '';
          child.stdout.on('data', (piece) => { out += piece; });
          child.on('exit', (ended) => resolve([ended, out]));
        });
        assert.equal(status, 0, text);
      }
    };
    await Promise.all([erase(1), erase(2), erase(3), look()]);
  });
});
