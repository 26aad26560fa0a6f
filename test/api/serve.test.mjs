// The process: starting, draining, and what it leaves on disk and in the log.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { onEach, problem, psql, purchase } from './harness.mjs';

onEach('serving', {}, (shop) => {
  test('other addresses than loopback need a proxy to be declared', async () => {
    for (const listen of ['0.0.0.0:0', '[::]:0', '10.1.2.3:80']) {
      const refused = shop.try('serve', '--listen', listen);
      assert.equal(refused.status, 2, listen);
      assert.match(refused.stderr, /--behind-proxy/);
    }
    await shop.serve('--listen', '0.0.0.0:0', '--behind-proxy');
    assert.equal((await shop.get('/healthz')).body.status, 'alive');
    assert.equal((await shop.get('/readyz?at=1')).status, 200, 'whatever a probe adds');
    assert.equal((await shop.get('/readyz')).body.status, 'ready');
    assert.equal(await shop.stop(), 0, shop.log);
  });

  test('an instance that is not there is an error with a reason', () => {
    const refused = shop.try('serve', '--database', join(shop.dir, 'nothing', 'here.db'));
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /\w/);
  });

  test('a SIGTERM lets running requests end, and what was answered is there after it', async () => {
    await shop.serve();
    const events = Array.from({ length: 50 }, (_, i) => purchase({ amount: 100 }, { subject: 'ext:D-1', id: `drain-${i}` }));
    const answers = events.map((event) => shop.event(event).catch(() => null));
    await answers[0];
    const code = shop.stop();
    const done = (await Promise.all(answers)).filter((a) => a?.status === 201).length;
    assert.equal(await code, 0, shop.log);
    assert.ok(done > 0);
    await shop.serve();
    const { pending } = await shop.balance('ext:D-1');
    assert.ok(pending >= done && pending <= 50, `${pending} of ${done} answered`);
    const again = await Promise.all(events.map((event) => shop.event(event)));
    assert.ok(again.every((a) => a.status === 200 || a.status === 201));
    assert.equal((await shop.balance('ext:D-1')).pending, 50);
    await shop.stop();
  });

  // Only a server of its own can hang.
  if (shop.database === 'postgres') {
    test('a second SIGTERM ends it at once where the database hangs', async () => {
      await shop.serve();
      const first = await shop.event(purchase({ amount: 100 }, { subject: 'ext:D-2' }));
      assert.equal(first.status, 201);
      const sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
      const backends = spawnSync(psql, ['-Atqc', sql, shop.env.LOYALD_DATABASE], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean).map(Number);
      assert.ok(backends.length > 0);
      backends.forEach((pid) => process.kill(pid, 'SIGSTOP'));
      try {
        const lost = shop.event(purchase({ amount: 100 }, { subject: 'ext:D-2' })).catch(() => null);
        await new Promise((resolve) => setTimeout(resolve, 100));
        shop.process.kill('SIGTERM');
        const waits = await Promise.race([shop.ended, new Promise((resolve) => setTimeout(resolve, 500, 'waits'))]);
        assert.equal(waits, 'waits');
        shop.process.kill('SIGTERM');
        assert.equal(await Promise.race([shop.ended, new Promise((resolve) => setTimeout(resolve, 5000, 'waits'))]), 'SIGTERM');
        assert.equal(await lost, null);
      } finally {
        shop.process.kill('SIGKILL');
        shop.process = null;
        backends.forEach((pid) => process.kill(pid, 'SIGCONT'));
      }
      await shop.serve();
      const { pending } = await shop.balance('ext:D-2');
      assert.ok(pending === 1 || pending === 2, 'what was answered is there');
      await shop.stop();
    });
  }

  test('it is ready soon after a clean stop', async () => {
    const start = performance.now();
    await shop.serve();
    const ms = performance.now() - start;
    assert.ok(ms < 2000, `${ms} ms`); // 100 ms are measured by the benchmark; this only guards against waiting
    await shop.stop();
  });

  test('a key that sends too much is told when to go on', async () => {
    await shop.serve('--rate-percent', '1'); // of 100 publications and checks a second: 1, two at once
    const answers = [];
    for (let i = 0; i < 6; i++) answers.push(await shop.post('/v1/program/draft/validate'));
    const slow = answers.find((a) => a.status === 429);
    assert.ok(slow, answers.map((a) => a.status).join());
    problem(slow, 429, 'rate_limited');
    assert.deepEqual(['retry-after', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'].map((name) => slow.headers.get(name)), ['1', '1', '0', '1']);
    assert.equal((await shop.get('/v1/members')).status, 200); // another class of routes
    assert.equal((await shop.post('/v1/program/draft/validate', undefined, { key: shop.createKey('other', 'all') })).status, 200); // another key
    await shop.stop();
  });

  test('HEAD is GET without the body', async () => {
    await shop.serve();
    const head = await fetch(`${shop.url}/v1/members`, { method: 'HEAD', headers: { authorization: `Bearer ${shop.key}` } });
    assert.deepEqual([head.status, await head.text()], [200, '']);
    await shop.stop();
  });

  test('nothing personal and no secret is in clear in any file, in the log or among the arguments', async () => {
    const canaries = ['CanaryGiven', 'CanaryFamily', 'canary.mail', 'CANARY-EXT', 'canary-order', 'CanaryReason', 'canary-till', 'CanaryNote', 'CanaryLine', 'CanaryIdem', '612345699'];
    const [given, family, mail, external, order, reason, till, note, line, idem] = canaries;
    await shop.serve();
    const ask = async (promise) => { const a = await promise; assert.ok(a.status < 300, a.text); return a; };
    await ask(shop.post('/v1/members', { external_id: external, email: `${mail}@example.org`, phone: '+31612345699', name: { given, family }, attributes: { note } }, { headers: { 'idempotency-key': idem } }));
    await ask(shop.event({ ...purchase({ lines: [{ id: '1', amount: 4550, name: line }], attributes: { note } }), id: order, source: till, subject: `ext:${external}` }));
    await ask(shop.post(`/v1/members/email:${mail}@example.org/adjustments`, { wallet: 'points', points: 5, reason }));
    await shop.event({ ...purchase({ amount: 'x' }), id: order, source: till, subject: `ext:${external}` });
    await shop.get(`/v1/members?query=${family}`);
    canaries.push(shop.key, shop.key.slice(3));
    const cmdline = readFileSync(`/proc/${shop.process.pid}/cmdline`, 'latin1');
    const files = () => readdirSync(shop.dir, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).map((f) => join(f.parentPath ?? f.path, f.name));
    // In base64 a text looks three ways, by where in a group of three bytes it begins: what is sure of each is looked for.
    const base64 = (canary) => [0, 1, 2].map((before) => {
      const text = Buffer.concat([Buffer.alloc(before), Buffer.from(canary)]);
      return text.subarray(0, text.length - text.length % 3).toString('base64').slice(before === 0 ? 0 : 4);
    });
    const spellings = (canary) => [
      Buffer.from(canary), Buffer.from(canary, 'utf16le'), Buffer.from(Buffer.from(canary).toString('hex')),
      Buffer.from(Buffer.from(canary).toString('hex').toUpperCase()),
      ...base64(canary).flatMap((text) => [text, text.replaceAll('+', '-').replaceAll('/', '_')]).map((text) => Buffer.from(text)),
    ];
    for (const padding of ['', 'x', 'xy']) { // the search itself finds what it should
      const hidden = Buffer.from(Buffer.from(`${padding}${given} and more`).toString('base64'));
      assert.ok(spellings(given).some((spelled) => hidden.includes(spelled)), padding);
    }
    const search = (where, bytes) => {
      for (const canary of canaries) {
        for (const spelled of spellings(canary)) {
          assert.equal(bytes.includes(spelled), false, `${canary} in ${where}, as ${spelled.toString('latin1')}`);
        }
      }
    };
    for (const file of files()) search(file, readFileSync(file));
    assert.equal(await shop.stop(), 0, shop.log);
    for (const file of files()) search(file, readFileSync(file));
    search('the log', Buffer.from(shop.log));
    search('the arguments', Buffer.from(cmdline));
  });
});
