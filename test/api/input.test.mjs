// What is refused before it is decided, each with its pointer.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { connect } from 'node:net';
import { onEach, openapi, problem, purchase } from './harness.mjs';

const line = { id: '1', amount: 100 };
const with_ = (path, value) => {
  const event = purchase({ lines: [{ ...line }, { id: '2', amount: 200 }], payments: [{ method: 'card', amount: 300 }] });
  const names = path.split('/').slice(1);
  const last = names.pop();
  const holder = names.reduce((at, name) => at[name], event);
  if (value === undefined) delete holder[last]; else holder[last] = value;
  return event;
};
const max = 9007199254740991;

// [what, pointer that is changed, value, code, pointer that is named (the same unless said)]
const refused = [
  ['no version', '/specversion', undefined, 'invalid'],
  ['another version', '/specversion', '0.3', 'invalid'],
  ['no id', '/id', undefined, 'invalid'],
  ['an empty id', '/id', '', 'invalid'],
  ['an id of 257 bytes', '/id', 'x'.repeat(257), 'invalid'],
  ['a number as id', '/id', 7, 'invalid'],
  ['an id with a line end', '/id', 'a\nb', 'invalid'],
  ['no source', '/source', undefined, 'invalid'],
  ['our clock as source', '/source', 'loyald/clock', 'invalid'],
  ['our API as source', '/source', 'api/key_1', 'invalid'],
  ['no time', '/time', undefined, 'invalid'],
  ['a day as time', '/time', '2026-01-01', 'invalid'],
  ['30 February', '/time', '2026-02-30T00:00:00Z', 'invalid'],
  ['no zone', '/time', '2026-01-01T00:00:00', 'invalid'],
  ['a subject without kind', '/subject', 'C-42', 'invalid'],
  ['an e-mail that is none', '/subject', 'email:ann', 'invalid'],
  ['no data', '/data', undefined, 'invalid'],
  ['a list as data', '/data', [], 'invalid'],
  ['data in base64', '/data_base64', 'e30=', 'invalid'],
  ['another content type', '/datacontenttype', 'text/xml', 'invalid'],
  ['no amount', '/data/amount', undefined, 'invalid'],
  ['a negative amount', '/data/amount', -1, 'invalid'],
  ['a fraction', '/data/amount', 1.5, 'invalid'],
  ['a text as amount', '/data/amount', '100', 'invalid'],
  ['null as amount', '/data/amount', null, 'invalid'],
  ['a boolean as amount', '/data/amount', true, 'invalid'],
  ['an amount beyond 2^53', '/data/amount', 9007199254740993n, 'overflow'],
  ['no currency', '/data/currency', undefined, 'invalid'],
  ['a small currency', '/data/currency', 'eur', 'invalid'],
  ['a long currency', '/data/currency', 'EURO', 'invalid'],
  ['an unknown field', '/data/balance', 5, 'unknown_field'],
  ['an unknown status', '/data/status', 'paid', 'invalid'],
  ['a rate', '/data/rate', '0.9', 'not_supported'],
  ['an object as lines', '/data/lines', {}, 'invalid'],
  ['a line that is none', '/data/lines/1', 7, 'invalid'],
  ['a line without amount', '/data/lines/1/amount', undefined, 'invalid'],
  ['a negative line', '/data/lines/1/amount', -5, 'invalid'],
  ['an unknown field of a line', '/data/lines/1/price', 5, 'unknown_field'],
  ['an unknown kind', '/data/lines/0/kind', 'food', 'invalid'],
  ['two lines of one id', '/data/lines/1/id', '1', 'invalid'],
  ['more tax than amount', '/data/lines/0/tax', 101, 'invalid'],
  ['a quantity of zero', '/data/lines/0/quantity', 0, 'invalid'],
  ['a negative quantity', '/data/lines/0/quantity', '-1', 'invalid'],
  ['a quantity of four places', '/data/lines/0/quantity', '1.0001', 'invalid'],
  ['a quantity as a double', '/data/lines/0/quantity', 1.5, 'invalid'],
  ['a huge quantity', '/data/lines/0/quantity', '99999999999999', 'overflow'],
  ['lines that add up to too much', '/data/lines/0/amount', max, 'overflow', '/data/lines/1'],
  ['a list as attributes', '/data/attributes', [], 'invalid'],
  ['a huge number inside attributes', '/data/attributes', { a: [{ b: 9007199254740993n }] }, 'overflow', '/data/attributes/a/0/b'],
  ['a payment without method', '/data/payments/0/method', undefined, 'invalid'],
  ['a payment in points without a wallet', '/data/payments/0', { method: 'points', points: 5, amount: 5 }, 'invalid', '/data/payments/0/wallet'],
  ['a payment of no points', '/data/payments/0', { method: 'points', wallet: 'points', points: 0, amount: 5 }, 'invalid', '/data/payments/0/points'],
  ['a card with points', '/data/payments/0/points', 5, 'invalid', '/data/payments/0/method'],
];

// JSON with bigints, which JSON.stringify refuses.
const stringify = (value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `#${v}#` : v)).replace(/"#(\d+)#"/g, '$1');

onEach('input', {}, (shop) => {
  before(() => shop.serve());

  for (const [what, path, value, code, pointer] of refused) {
    test(`${what} is refused`, async () => {
      problem(await shop.event(stringify(with_(path, value))), 422, code, pointer ?? path);
    });
  }

  test('where nothing is asked for, an empty object is as good as no body', async () => {
    let tried = 0;
    for (const [path, operations] of Object.entries(openapi.paths)) {
      for (const [method, one] of Object.entries(operations)) {
        if (method === 'get' || (one.requestBody && one.requestBody.required !== false)) continue;
        if (path === '/v1/program/draft/validate') continue; // {} is a document, the draft is another
        const url = path.replace('{id}', 'ext:NOBODY').replace('{slug}', 'nothing').replace('{n}', '1');
        const [none, empty] = [await shop.ask(method.toUpperCase(), url), await shop.ask(method.toUpperCase(), url, {})];
        assert.deepEqual([empty.status, empty.body.code, empty.body.errors], [none.status, none.body.code, none.body.errors], `${method} ${path}: ${empty.text}`);
        assert.ok(![400, 413, 415].includes(none.status), `${method} ${path}: ${none.text}`);
        tried += 1;
      }
    }
    assert.ok(tried > 8, String(tried));
    problem(await shop.ask('DELETE', '/v1/members/ext:NOBODY', { why: 'x' }), 422, 'unknown_field', '/why');
    problem(await shop.ask('DELETE', '/v1/members/ext:NOBODY', []), 422, 'invalid');
    problem(await shop.ask('DELETE', '/v1/members/ext:NOBODY', '{'), 400, 'not_json');
    problem(await shop.ask('DELETE', '/v1/members/ext:NOBODY', ' '.repeat(2000)), 413, 'too_large');
    const key = { headers: { 'idempotency-key': 'empty-1' } };
    assert.equal((await shop.post('/v1/members', { external_id: 'GONE' })).status, 201);
    assert.equal((await shop.ask('DELETE', '/v1/members/ext:GONE', undefined, key)).status, 200);
    assert.equal((await shop.ask('DELETE', '/v1/members/ext:GONE', {}, key)).status, 200, 'the same request');
  });

  test('a query parameter given twice is refused, whichever it is', async () => {
    problem(await shop.get('/v1/members?limit=1&limit=2'), 422, 'invalid', '/limit');
    problem(await shop.event(purchase(), '?dry_run=true&dry_run=false'), 422, 'invalid', '/dry_run');
    assert.equal((await shop.get('/v1/members?limit=1&cursor=mbr_zzzzzzzzzzzzz')).status, 422);
    assert.equal((await shop.get('/v1/members?limit=1&query=x')).status, 200);
  });

  // What is sent as text, since JSON.stringify has one spelling for a number.
  const spelled = (event, amount) => JSON.stringify(event).replace('"amount":"?"', `"amount":${amount}`);

  test('a whole number is one however it is written, and the same content is a replay', async () => {
    const event = purchase({ amount: '?', lines: [{ id: '1', amount: 1000, quantity: 2 }] }, { subject: 'ext:SPELLED' });
    const first = await shop.event(spelled(event, '1000'));
    assert.equal(first.status, 201, first.text);
    for (const spelling of ['1000.0', '1e3', '1E+3', '0.1e4', '10000e-1']) {
      const again = await shop.event(spelled(event, spelling));
      assert.equal(again.status, 200, again.text);
      assert.equal(again.text, first.text, spelling);
    }
    problem(await shop.event(spelled(event, '1001.0')), 409, 'event_conflict');
    const other = purchase({ amount: '?', attributes: { weight: 1.5 } }, { subject: 'ext:SPELLED' });
    const applied = await shop.event(spelled(other, '1e3').replace('1.5', '2.0'));
    assert.equal(applied.status, 201, applied.text);
    assert.equal((await shop.event(spelled(other, '1000').replace('1.5', '2'))).status, 200);
    for (const [spelling, code] of [['1000.5', 'invalid'], ['1e-1', 'invalid'], ['9007199254740993.0', 'overflow'], ['9.007199254740993e15', 'overflow'], ['1e300', 'overflow'], ['-1e3', 'invalid']]) {
      problem(await shop.event(spelled(purchase({ amount: '?' }), spelling)), 422, code, '/data/amount');
    }
    const points = (text) => shop.post('/v1/members/ext:SPELLED/adjustments', `{"wallet":"points","points":${text},"reason":"goodwill"}`);
    assert.equal((await points('5.0')).status, 201);
    problem(await points('5.5'), 422, 'invalid', '/points');
  });

  test('a purchase in another currency, or in none that there is, is refused by name', async () => {
    for (const currency of ['USD', 'ZZZ']) {
      const answer = await shop.event(purchase({ currency }));
      problem(answer, 422, 'unknown_currency', '/data/currency');
      assert.match(answer.body.detail, new RegExp(`no rate for ${currency}`));
    }
  });

  test('a parameter that an address does not take is refused, whichever address it is', async () => {
    let tried = 0;
    for (const [path, operations] of Object.entries(openapi.paths)) {
      for (const [method, one] of Object.entries(operations)) {
        if (['/healthz', '/readyz', '/openapi.json'].includes(path)) continue; // without a key: probes add what they like
        const url = path.replace('{id}', 'ext:NOBODY').replace('{slug}', 'nothing').replace('{n}', '1');
        const answer = await shop.ask(method.toUpperCase(), `${url}?limt=5`);
        problem(answer, 422, 'unknown_parameter', '/limt');
        const known = (one.parameters ?? []).filter((p) => p.in === 'query').map((p) => p.name);
        const [named, list] = answer.body.detail.match(/^There is no parameter "limt" here(?:\. This address takes: (.*)\.|: this address takes none\.)$/);
        assert.ok(named);
        assert.deepEqual((list ? list.split(' ') : []).toSorted(), known.toSorted(), `${method} ${path}`);
        tried += 1;
      }
    }
    assert.ok(tried > 60, String(tried));
    problem(await shop.ask('POST', '/v1/events?Dry_Run=true', purchase({}, { id: 'mistyped' })), 422, 'unknown_parameter', '/Dry_Run');
    assert.equal((await shop.event(purchase({}, { id: 'mistyped' }))).status, 201, 'nothing was booked');
    problem(await shop.get('/v1/members?a~/b=1'), 422, 'unknown_parameter', '/a~0~1b');
    problem(await shop.get('/v1/members?=1'), 422, 'unknown_parameter', '/');
    problem(await shop.ask('DELETE', '/v1/members/ext:NOBODY?dry_run=true'), 422, 'not_supported', '/dry_run');
    problem(await shop.post('/v1/test/clock?dry_run=true', { now: '2026-01-01T00:00:00Z' }), 422, 'not_supported', '/dry_run');
    for (const fine of ['/v1/members?', '/v1/members?&limit=1&', '/v1/members?limit=1&query=x']) assert.equal((await shop.get(fine)).status, 200, fine);
    const head = await fetch(`${shop.url}/v1/members?limt=1`, { method: 'HEAD', headers: { authorization: `Bearer ${shop.key}` } });
    assert.equal(head.status, 422);
  });

  test('several faults are named together', async () => {
    const answer = await shop.event(purchase({ amount: -1, currency: 'x', colour: 'red' }));
    assert.deepEqual(answer.body.errors.map((e) => e.pointer).toSorted(), ['/data/amount', '/data/colour', '/data/currency']);
  });

  test('a refund names what it means', async () => {
    const refund = (data) => shop.event({ ...purchase(), type: 'refund', data });
    problem(await refund({}), 422, 'invalid', '/data/original');
    problem(await refund({ original: { id: '1', colour: 1 } }), 422, 'unknown_field', '/data/original/colour');
    problem(await refund({ original: { id: '1' }, amount: 5, lines: [{ id: '1' }] }), 422, 'invalid', '/data/amount');
    problem(await refund({ original: { id: '1' }, lines: [{ quantity: 1 }] }), 422, 'invalid', '/data/lines/0');
    problem(await refund({ original: { id: '1' }, lines: [] }), 422, 'invalid', '/data/lines');
    const itself = { ...purchase(), type: 'refund', data: { original: { id: 'self' } }, id: 'self', source: 'pos/7' };
    problem(await shop.event(itself), 422, 'invalid', '/data/original/id');
    problem(await shop.event({ ...itself, data: { original: { id: 'self', source: 'pos/7' } } }), 422, 'invalid', '/data/original/id');
    assert.equal((await shop.event({ ...itself, data: { original: { id: 'self', source: 'web' } } })).body.outcome, 'held', 'of another source it is another event');
  });

  test('the largest amount is taken, and where it would overflow the books it is a refusal', async () => {
    const answer = await shop.event(purchase({ amount: max }, { subject: 'ext:HUGE' }));
    assert.equal(answer.status, 201, answer.text);
    assert.ok(['applied', 'refused'].includes(answer.body.outcome));
  });

  const broken = [
    ['nothing', ''],
    ['half an object', '{"specversion":"1.0"'],
    ['a duplicate key', '{"id":"1","id":"2"}'],
    ['a duplicate key deep inside', '{"data":{"lines":[{"id":"1","id":"2"}]}}'],
    ['an array nested 33 deep', '['.repeat(33) + ']'.repeat(33)],
    ['an array nested 100,000 deep', '['.repeat(100000)],
    ['a NUL', '{"id":"a\\u0000b"}'],
    ['bytes after the end', '{} {}'],
    ['NaN', '{"id":NaN}'],
    ['a lone surrogate', '{"id":"\\ud800"}'],
    ['a control character in a text', '{"id":"a\nb"}'],
  ];
  for (const [what, text] of broken) {
    test(`${what} is no JSON`, async () => problem(await shop.event(text), 400, 'not_json'));
  }

  test('bytes that are no UTF-8 are no JSON', async () => {
    const response = await fetch(`${shop.url}/v1/events`, { method: 'POST', body: Buffer.from('{"id":"\xff"}', 'latin1'),
      headers: { authorization: `Bearer ${shop.key}`, 'content-type': 'application/json' } });
    assert.equal(response.status, 400);
  });

  test('numbers beyond 64 bits are an overflow', async () => {
    problem(await shop.event('{"data":{"amount":99999999999999999999}}'), 422, 'overflow');
  });

  test('a body over its limit is refused', async () => {
    problem(await shop.event(`"${'x'.repeat(1024 * 1024)}"`), 413, 'too_large');
    problem(await shop.post('/v1/events/batch', `["${'x'.repeat(16 * 1024 * 1024)}"]`), 413, 'too_large');
  });

  test('a large body is refused before it is sent', async () => {
    const { port } = new URL(shop.url);
    const head = await new Promise((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.write(`POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${shop.key}\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n`);
      });
      socket.on('data', (data) => { resolve(data.toString()); socket.destroy(); });
      socket.on('error', reject);
    });
    assert.match(head, /^HTTP\/1.1 413 /);
  });

  test('a header whose name is no name is refused and ends the connection, so that nothing hides behind it', async () => {
    const { port } = new URL(shop.url);
    const next = `GET /v1/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${shop.key}\r\n\r\n`;
    for (const header of ['Content-Length : 40', 'Transfer-Encoding : chunked', 'X(y): 1', 'Content-Length\t: 40']) {
      const text = await new Promise((resolve, reject) => {
        let got = '';
        const socket = connect(Number(port), '127.0.0.1', () => {
          socket.write(`POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${shop.key}\r\nContent-Type: application/json\r\n${header}\r\n\r\n${next}`);
        });
        socket.on('data', (data) => { got += data; });
        socket.on('close', () => resolve(got));
        socket.on('error', reject);
      });
      assert.deepEqual(text.match(/HTTP\/1.1 \d+/g), ['HTTP/1.1 400'], header);
    }
  });

  test('other content types are refused', async () => {
    for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'application/x-ndjson', null]) {
      problem(await shop.event(JSON.stringify(purchase()), '', { type }), 415, 'unsupported_media_type');
    }
    assert.equal((await shop.event(purchase(), '', { type: 'application/cloudevents+json; charset=UTF-8' })).status, 201);
  });

  test('a body in another charset is refused instead of being misread', async () => {
    const send = (type, path = '/v1/events', body = JSON.stringify(purchase())) => shop.post(path, body, { type });
    for (const charset of ['utf-16', 'UTF-16', '"utf-16"', 'iso-8859-1', 'utf-16; x=y', 'utf-8; charset=utf-16', '', '"utf-8']) {
      const answer = await send(`application/json; charset=${charset}`);
      problem(answer, 415, 'unsupported_media_type');
      assert.match(answer.body.detail, /charset=utf-8/, charset);
    }
    problem(await send('application/json;Charset = utf-16'), 415, 'unsupported_media_type');
    problem(await send('application/x-ndjson; charset=utf-16', '/v1/events/batch'), 415, 'unsupported_media_type');
    problem(await send('text/csv; charset=windows-1252', '/v1/rewards/nothing/codes', 'A'), 415, 'unsupported_media_type');
    problem(await shop.ask('DELETE', '/v1/members/ext:NOBODY', '{}', { type: 'application/json; charset=utf-16' }), 415, 'unsupported_media_type');
    for (const fine of ['application/json; charset=UTF-8', 'application/json;charset="utf-8"', 'application/json; profile="x"; charset=Utf-8', 'application/json; charset=utf8', 'application/json; profile=utf-16']) {
      assert.equal((await send(fine)).status, 201, fine);
    }
  });

  test('nothing at an address is 404, another method is 405 and names what is allowed', async () => {
    problem(await shop.get('/v1/nothing'), 404, 'not_found');
    problem(await shop.get('/v1/events/'), 404, 'not_found');
    const answer = await shop.get('/v1/events');
    problem(answer, 405, 'method_not_allowed');
    assert.equal(answer.headers.get('allow'), 'POST');
    assert.equal((await shop.ask('DELETE', '/v1/members')).headers.get('allow'), 'GET, HEAD, POST');
    problem(await shop.get('/v1/members/%00'), 400, 'bad_request');
  });

  test('lists take a limit from 1 to 1000 and only their own cursors', async () => {
    for (const query of ['limit=0', 'limit=1001', 'limit=1000000000', 'limit=x', 'limit=-1', 'limit=99999999999999999999', 'cursor=x', 'cursor=evt_0000000000001']) {
      problem(await shop.get(`/v1/members?${query}`), 422, 'invalid');
    }
    problem(await shop.get('/v1/members?tier=gold'), 422, 'not_supported');
  });

  test('no answer tells of paths, SQL or versions', async () => {
    assert.doesNotMatch(shop.transcript, /SELECT |INSERT |sqlite|postgres|\/src\/|\.c:\d|libmicrohttpd|\/tmp\//i);
  });
});
