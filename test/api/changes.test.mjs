// Purchases whose content changes, with rewards that rules give and cards that pay: whatever the way, the end is where a plain
// purchase of the last content would be, and cancelling leaves nothing.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { onEach, purchase } from './harness.mjs';

const document = {
  name: 'Shop', currency: 'EUR', timezone: 'Europe/Amsterdam', unknown_members: 'enrol', wallets: [{ slug: 'points', returns: 'debt' }],
  earning_rules: [
    { slug: 'base', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'points', points: 1, per_amount: 100 }] },
    { slug: 'coffee', trigger: 'purchase', when: { '>=': [{ var: 'event.amount' }, 3000] }, effects: [{ kind: 'reward', reward: 'coffee' }] },
    { slug: 'cake', trigger: 'purchase', when: { '>=': [{ var: 'event.amount' }, 6000] }, effects: [{ kind: 'reward', reward: 'cake' }] },
    { slug: 'echo', trigger: 'reward.issued', when: { '==': [{ var: 'event.reward' }, 'cake'] }, effects: [{ kind: 'earn', wallet: 'points', points: 7 }, { kind: 'reward', reward: 'mint' }] },
  ],
  rewards: [
    { slug: 'coffee', kind: 'free_product' }, { slug: 'cake', kind: 'free_product' }, { slug: 'mint', kind: 'free_product' },
    { slug: 'card', kind: 'gift_card', value: { amount: 5000 }, price: [{ wallet: 'points', points: 0 }] },
    { slug: 'five', kind: 'money_off', value: { amount: 500 }, price: [{ wallet: 'points', points: 0 }] },
  ],
};

// xorshift32: a seed prints itself with what failed.
function dice(seed) {
  let x = seed * 2654435761 >>> 0 || 1;
  return (n) => { x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0; return x % n; };
}

onEach('changes', { document }, (shop) => {
  let sent = 0;
  before(() => shop.serve());

  const about = (type, subject, data) => shop.event(purchase({}, { type, id: `x-${++sent}`, subject, data }));
  const payments = (content, rewards) => {
    const list = [];
    if (content.card > 0) list.push({ method: 'reward', reward: rewards.card, amount: content.card });
    if (content.five) list.push({ method: 'reward', reward: rewards.five, amount: 500 });
    return list.length > 0 ? { payments: list } : {};
  };
  const data = (content, rewards) => ({ amount: content.amount, currency: 'EUR', ...payments(content, rewards) });
  const buy = async (subject) => {
    const rewards = {};
    for (const slug of ['card', 'five']) {
      const { body } = await shop.post(`/v1/members/${subject}/rewards`, { reward: slug }, { headers: { 'idempotency-key': `${subject}-${slug}` } });
      rewards[slug] = body.rewards[0].id;
    }
    return rewards;
  };
  const standing = async (subject) => {
    const { body } = await shop.get(`/v1/members/${subject}/rewards?limit=1000`);
    const open = body.data.filter((r) => r.state === 'issued').map((r) => r.reward).sort();
    const card = body.data.find((r) => r.reward === 'card');
    const { body: balances } = await shop.get(`/v1/members/${subject}/balances`);
    return { open, left: card.left.amount, points: balances.data[0].active - (balances.data[0].debt ?? 0) };
  };

  test('changes, refunds and changes again come to what the last content would be alone', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const roll = dice(seed);
      const member = `ext:way-${seed}`;
      const plain = `ext:plain-${seed}`;
      for (const subject of [member, plain]) await shop.post('/v1/members', { external_id: subject.slice(4) });
      const rewards = await buy(member);
      const others = await buy(plain);
      const start = await standing(member);
      const any = () => {
        const amount = 600 + roll(80) * 100;
        return { amount, card: roll(2) * Math.min(amount - 500, 100 * roll(51)), five: roll(3) === 0 };
      };
      let content = any();
      const original = { id: `way-${seed}` };
      const first = await shop.event(purchase({}, { id: original.id, subject: member, data: data(content, rewards) }));
      assert.equal(first.body.outcome, 'applied', `seed ${seed}: ${first.text}`);
      for (let i = 0; i < 8; i++) {
        if (roll(4) === 0) {
          const refund = await about('refund', member, { original, amount: 100 + roll(4) * 100 });
          assert.ok(['applied', 'refused'].includes(refund.body.outcome), `seed ${seed}: ${refund.text}`);
        }
        content = any();
        const changed = await about('purchase.changed', member, { original, ...data(content, rewards) });
        assert.equal(changed.body.outcome, 'applied', `seed ${seed}, change ${i}: ${changed.text}`);
      }
      await shop.event(purchase({}, { id: `plain-${seed}`, subject: plain, data: data(content, others) }));
      assert.deepEqual(await standing(member), await standing(plain), `seed ${seed}: ${JSON.stringify(content)}`);
      await about('purchase.cancelled', member, { original });
      assert.deepEqual(await standing(member), start, `seed ${seed}: cancelled`);
    }
  });

  test('the books are sound after all of it', async () => {
    await shop.stop();
    shop.run('verify'); // throws where it is not
  });
});
