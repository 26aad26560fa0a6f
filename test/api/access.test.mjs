// Who may do what: every route with no key, a wrong one, one without the scope, and one with it.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { onEach, openapi, problem, purchase } from './harness.mjs';

const operations = Object.entries(openapi.paths).flatMap(([path, methods]) => Object.entries(methods)
  .map(([method, one]) => ({ method: method.toUpperCase(), path: path.replace(/\{\w+\}/g, '1'), scope: one['x-scope'], takesBody: 'requestBody' in one })));
const scopes = openapi.components.schemas.Key.properties.scopes.items.enum;

onEach('access', {}, (shop) => {
  const keys = {};
  before(async () => {
    for (const scope of scopes) keys[scope] = shop.createKey(`only ${scope}`, scope);
    await shop.serve();
  });
  const ask = ({ method, path, takesBody }, key) => shop.ask(method, path, takesBody ? '!' : undefined, { key });

  for (const operation of operations) {
    const { method, path, scope } = operation;
    test(`${method} ${path} asks for ${scope ?? 'nothing'}`, async () => {
      if (!scope) {
        assert.equal((await ask(operation, null)).status, 200);
        return;
      }
      for (const key of [null, 'lk_0', 'x', `lk_${'0'.repeat(52)}`, shop.key.slice(0, -1), `${shop.key}0`]) {
        const answer = await ask(operation, key);
        problem(answer, 401, 'unauthenticated');
        assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
      }
      for (const other of scopes) {
        const answer = await ask(operation, keys[other]);
        if (other === scope) {
          assert.ok(![401, 403].includes(answer.status), answer.text);
        } else {
          problem(answer, 403, 'forbidden');
        }
      }
    });
  }

  test('a key in the address is refused, even beside a good one', async () => {
    problem(await shop.get(`/v1/members?key=${shop.key}`, { key: null }), 401, 'unauthenticated');
    problem(await shop.get(`/v1/members?query=${shop.key}`), 401, 'unauthenticated');
  });

  test('other ways to authenticate are refused', async () => {
    for (const authorization of [`Basic ${Buffer.from(`x:${shop.key}`).toString('base64')}`, shop.key, `Bearer${shop.key}`, 'Bearer ']) {
      problem(await shop.get('/v1/members', { key: null, headers: { authorization } }), 401, 'unauthenticated');
    }
    assert.equal((await shop.get('/v1/members', { key: null, headers: { authorization: `bearer ${shop.key}` } })).status, 200);
  });

  test('a revoked key is refused at the next request of the same connection', async () => {
    const made = await shop.post('/v1/keys', { name: 'soon gone', scopes: ['members:read'] });
    assert.equal(made.status, 201, made.text);
    const { id, key } = made.body;
    assert.equal((await shop.get('/v1/members', { key })).status, 200);
    assert.notEqual((await shop.ask('DELETE', `/v1/keys/${id}`)).body.revoked_at, null);
    problem(await shop.get('/v1/members', { key }), 401, 'unauthenticated');
    assert.equal((await shop.get(`/v1/keys/${id}`)).body.key, undefined);
  });

  test('a key that is over is refused', async () => {
    const key = shop.createKey('short', 'members:read', '--expires', '2026-01-01T00:00:10Z');
    await shop.post('/v1/test/clock', { now: '2026-01-01T00:00:09Z' });
    assert.equal((await shop.get('/v1/members', { key })).status, 200);
    await shop.post('/v1/test/clock', { now: '2026-01-01T00:00:10Z' });
    problem(await shop.get('/v1/members', { key }), 401, 'unauthenticated');
  });

  test('a key gives no more than it has', async () => {
    problem(await shop.post('/v1/keys', { name: 'more', scopes: ['keys:admin', 'members:read'] }, { key: keys['keys:admin'] }), 403, 'forbidden', '/scopes');
    problem(await shop.post('/v1/keys', { name: 'x', scopes: ['everything'] }), 422, 'invalid', '/scopes');
    problem(await shop.post('/v1/keys', { name: 'x', scopes: [] }), 422, 'invalid', '/scopes');
    problem(await shop.post('/v1/keys', { name: 'x', scopes: ['test'], expires_at: '2020-01-01T00:00:00Z' }), 422, 'invalid', '/expires_at');
    assert.equal((await shop.post('/v1/keys', { name: 'same', scopes: 'keys:admin' }, { key: keys['keys:admin'] })).status, 201);
  });

  test('what keys do is in the audit log', async () => {
    const { body } = await shop.get('/v1/audit?limit=3');
    assert.ok(body.data.some((entry) => entry.action === 'key.create' && entry.actor.startsWith('key_')), JSON.stringify(body));
    shop.run('audit', 'verify');
  });

  test('answers are for nobody else to keep or frame', async () => {
    const { headers } = await shop.get('/v1/members');
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.match(headers.get('content-security-policy'), /default-src 'none'/);
    assert.equal(headers.get('access-control-allow-origin'), null);
  });

  test('metrics count requests by route, never by path', async () => {
    await shop.event(purchase({}, { subject: 'ext:SECRET-NAME' }));
    await shop.get('/v1/members/ext:SECRET-NAME');
    const { text } = await shop.get('/metrics');
    assert.match(text, /loyald_http_requests_total\{method="GET",route="\/v1\/members\/\{id\}",status="2xx"\} [1-9]/);
    assert.match(text, /^loyald_events_total [1-9]/m);
    assert.doesNotMatch(text, /SECRET-NAME|lk_/);
  });
});
