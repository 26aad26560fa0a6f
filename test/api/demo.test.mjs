// Generated lives: beside buying, members do what the preset of their trade offers, and the same seed gives the same life.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Instance, onEach, root } from './harness.mjs';

const MEMBERS = 150;
const documents = Object.fromEntries(['retail', 'e-commerce', 'hospitality', 'airline', 'banking', 'telecom']
  .map((life) => [life, JSON.parse(readFileSync(join(root, 'presets', `${life}.json`), 'utf8'))]));

// What a preset offers, and what should have come of it.
const always = ['referral.named', 'referral.rewarded', 'referral: unknown_code', 'survey.completed', 'reward.bought'];
const offered = {
  quizzes: ['quiz passed', 'quiz failed'],
  redemption_codes: ['code.entered', 'code.entered: unknown_code', 'code.entered: code_used'],
  reviews: ['review.submitted', 'review.published', 'review.rejected'],
};

async function live(shop, life, ...more) {
  const said = JSON.parse(shop.run('demo', '--life', life, '--members', `${MEMBERS}`, '--days', '300', ...more));
  await shop.serve();
  const counts = {};
  const count = (what) => { counts[what] = (counts[what] ?? 0) + 1; };
  const quiz = documents[life].quizzes?.[0];
  for (let member = 1; member <= MEMBERS; member += 1) {
    const { body } = await shop.get(`/v1/members/ext:C-${member}/timeline?limit=1000`);
    for (const { type, refusal, points } of body.data) {
      count(refusal ? `${type}: ${refusal}` : type);
      if (type === 'quiz.completed') count((points[0]?.earned ?? 0) >= quiz.effects[0].points ? 'quiz passed' : 'quiz failed');
    }
  }
  const { body } = await shop.get('/v1/referrals?limit=1000');
  body.data.forEach(({ state }) => count(`referral is ${state}`));
  return { said, counts };
}

for (const [life, document] of Object.entries(documents)) {
  onEach(`what members of ${life} do beside buying`, { document }, (shop) => {
    const other = new Instance(shop.database, { document });
    let first;

    test('is all that the preset offers', async () => {
      first = await live(shop, life);
      const wanted = [...always, ...Object.entries(offered).flatMap(([section, list]) => (document[section] ? list : []))];
      for (const what of wanted) assert.ok(first.counts[what] > 0, `${what} is not among ${JSON.stringify(first.counts)}`);
      assert.ok(first.said.refused * 20 < first.said.booked, JSON.stringify(first.said));
    });

    test('brings friends, some of whom never buy enough to count', () => {
      const { counts } = first;
      assert.ok(counts['referral is rewarded'] > 0 && counts['referral is named'] > 0, JSON.stringify(counts));
      assert.ok(counts['referral.named'] > MEMBERS / 20 && counts['referral.named'] < MEMBERS / 4, JSON.stringify(counts));
    });

    test('is the same for the same seed, and once more books nothing', async () => {
      assert.deepEqual(await live(other, life), first);
      await other.stop();
      const third = JSON.parse(other.run('demo', '--life', life, '--members', `${MEMBERS}`, '--days', '300'));
      assert.equal(third.booked, 0, 'the same again changes nothing');
    });
  });
}
