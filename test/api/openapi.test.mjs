// openapi.yaml is held against the routes, the errors and the scopes in the source, both ways.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fault, openapi, root } from './harness.mjs';

const source = (file) => readFileSync(join(root, 'src', file), 'utf8');
const scopes = Object.fromEntries([...source('store/scopes.def').matchAll(/^SCOPE\((\w+), "([^"]+)"/gm)].map((m) => [m[1], m[2]]));
const routes = [...source('api/routes.def').matchAll(/^(?:OWN|READ|WRITE|TRIED)\((\w+), "([^"]+)", (\w+), (\w+), \w+, \w+, "([a-z_ ]*)", \w+(?:, \w+)?\)$/gm)]
  .map(([, method, path, scope, body, query]) => ({ name: `${method} ${path}`, method: method.toLowerCase(), path, scope: scopes[scope] ?? null, body, query: query.split(' ').filter(Boolean) }));
const operations = Object.entries(openapi.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));

test('every route is described and everything described is a route', () => {
  assert.ok(routes.length > 30);
  assert.deepEqual(operations.toSorted(), routes.map((r) => r.name).toSorted());
});

test('each operation names the scope that its route needs', () => {
  for (const { name, method, path, scope } of routes) {
    const described = openapi.paths[path][method];
    assert.equal(described['x-scope'], scope, name);
    assert.deepEqual(described.security, scope ? [{ key: [scope] }] : [], name);
  }
});

test('a body is described exactly where a route takes one', () => {
  for (const { name, method, path, body } of routes) {
    assert.equal('requestBody' in openapi.paths[path][method], body !== 'BODY_NONE', name);
  }
});

test('each operation has the query parameters that its route takes', () => {
  for (const { name, method, path, query } of routes) {
    const described = (openapi.paths[path][method].parameters ?? []).filter((one) => one.in === 'query').map((one) => one.name);
    assert.deepEqual(described.toSorted(), query.toSorted(), name);
  }
});

test('each parameter in a path is described', () => {
  for (const { name, method, path } of routes) {
    const described = (openapi.paths[path][method].parameters ?? []).filter((one) => one.in === 'path').map((one) => one.name);
    assert.deepEqual(described, [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]), name);
  }
});

test('every error code is listed', () => {
  const codes = [...source('base/err.def').matchAll(/^ERR\(\w+, "(\w+)"/gm)].map((m) => m[1]).filter((c) => c !== 'ok');
  assert.deepEqual(openapi.components.schemas.Problem.properties.code.enum.toSorted(), codes.toSorted());
});

test('every scope is listed', () => {
  assert.deepEqual(openapi.components.schemas.Key.properties.scopes.items.enum, Object.values(scopes));
});

test('every reference leads somewhere and every schema is used', () => {
  const used = new Set([...JSON.stringify(openapi).matchAll(/"\$ref": ?"#\/components\/schemas\/(\w+)"/g)].map((m) => m[1]));
  assert.deepEqual([...used].toSorted(), Object.keys(openapi.components.schemas).toSorted());
});

test('the examples are what they are examples of', () => {
  for (const [path, methods] of Object.entries(openapi.paths)) {
    for (const [method, one] of Object.entries(methods)) {
      const contents = [one.requestBody, ...Object.values(one.responses)].flatMap((part) => Object.values(part?.content ?? {}));
      for (const { schema, example } of contents.filter((content) => 'example' in content)) {
        assert.equal(fault(schema, example), null, `${method} ${path}`);
      }
    }
  }
});

test('operations have a summary and a name of their own', () => {
  const all = Object.values(openapi.paths).flatMap((methods) => Object.values(methods));
  assert.equal(new Set(all.map((one) => one.operationId)).size, all.length);
  assert.ok(all.every((one) => one.summary));
});
