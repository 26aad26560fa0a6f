// Presets: complete programs of six trades, with tests of their own, and with every text in five languages.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loyald, onEach, root } from './harness.mjs';

const LANGUAGES = ['en', 'es', 'id', 'nl', 'pl'];
const files = readdirSync(join(root, 'presets')).filter((name) => name.endsWith('.json'));
const preset = (file) => JSON.parse(readFileSync(join(root, 'presets', file), 'utf8'));

// Every object of texts by language, with where it stands.
function* texts(value, at = '') {
  if (value === null || typeof value !== 'object') return;
  if ('en' in value) yield [at, value];
  else for (const [key, inner] of Object.entries(value)) yield* texts(inner, `${at}/${key}`);
}

test('there is a preset for each of the six trades', () => {
  assert.deepEqual(files.sort(), ['airline.json', 'banking.json', 'e-commerce.json', 'hospitality.json', 'retail.json', 'telecom.json']);
});

for (const file of files) {
  test(`${file} passes its own tests, which are at least seven`, () => {
    assert.ok(preset(file).tests.length >= 7);
    const said = execFileSync(loyald, ['program', 'test', join(root, 'presets', file)], { encoding: 'utf8' });
    assert.match(said, new RegExp(`${preset(file).tests.length} tests passed`));
  });

  test(`${file} says everything in five languages`, () => {
    const document = preset(file);
    assert.deepEqual([...document.languages].sort(), LANGUAGES);
    const all = [...texts({ ...document, tests: [] })];
    assert.ok(all.length > 30, `${all.length} texts`);
    for (const [at, value] of all) {
      assert.deepEqual(Object.keys(value).sort(), LANGUAGES, at);
      for (const [language, text] of Object.entries(value)) assert.ok(text.length > 0 || Object.keys(text).length > 0, `${at}/${language}`);
    }
    const named = ['earning_rules', 'rewards', 'achievements', 'referrals', 'surveys', 'quizzes', 'redemption_codes', 'segments', 'event_types'];
    for (const section of named.filter((s) => document[s] !== undefined)) {
      for (const item of document[section]) assert.ok(item.name ?? (item.type === 'app.checkin'), `/${section}: ${item.slug ?? item.type} has no name`);
    }
    for (const set of document.tier_sets) for (const tier of set.tiers) assert.ok(tier.name, tier.slug);
  });
}

const lived = {
  airline: ['flight.flown', 'purchase', 'birthday', 'survey.completed', 'reward.bought', 'reward.used'],
  banking: ['purchase', 'purchase.completed', 'salary.received', 'savings.deposited', 'birthday', 'reward.bought'],
  'e-commerce': ['purchase', 'purchase.completed', 'app.opened', 'review.submitted', 'refund', 'points.activated'],
  hospitality: ['stay.completed', 'purchase', 'birthday', 'inactive', 'survey.completed'],
  retail: ['purchase', 'refund', 'birthday', 'inactive', 'survey.completed', 'reward.bought', 'reward.used'],
  telecom: ['subscription.started', 'subscription.paid', 'subscription.month_kept', 'contract.ending', 'purchase', 'app.opened'],
};
for (const [name, wanted] of Object.entries(lived)) {
  onEach(`a year of ${name}`, { document: preset(`${name}.json`) }, (shop) => {
    test('goes through its preset as a life would, and the same again changes nothing', async () => {
      const said = JSON.parse(shop.run('demo', '--life', name, '--members', '40', '--forward'));
      assert.ok(said.booked > 200 && said.refused * 20 < said.booked, JSON.stringify(said));
      assert.equal(JSON.parse(shop.run('demo', '--life', name, '--members', '40')).booked, 0);
      await shop.serve();
      const types = new Set();
      for (let member = 1; member <= 40; member += 1) {
        const { body } = await shop.get(`/v1/members/ext:C-${member}/timeline?limit=1000`);
        body.data.forEach((event) => types.add(event.type));
      }
      for (const type of wanted) assert.ok(types.has(type), `${type} is not among ${[...types].join(', ')}`);
    });
  });
}
