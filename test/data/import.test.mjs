// Real purchase logs through `loyald import events`: the ledger's sums equal those of the file, by member and in total,
// and the same file twice changes nothing. The expectations are computed here from the files alone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Instance } from '../torture/server.mjs';

const root = new URL('../..', import.meta.url).pathname;
const shared = process.env.LOYALD_SHARED ?? join(root, '../shared');
const data = (name) => join(shared, 'data/transactions', name);

async function withInstance(kind, program, work) {
    const url = process.env.LOYALD_TEST_PG;
    const name = `data_${process.pid}_${Math.floor(Math.random() * 1e6)}`;
    const isPostgres = kind === 'PostgreSQL';
    if (isPostgres) {
        execFileSync('psql', [url, '-qc', `CREATE DATABASE ${name}`]);
    }
    const instance = await Instance.make({ database: isPostgres ? url.replace(/\/[^/]*$/, `/${name}`) : undefined, program: join(root, program) });
    try {
        await work(instance);
    } finally {
        if (instance.child) {
            await instance.kill('SIGTERM');
        }
    }
    const verify = JSON.parse(instance.run('verify', '--json'));
    assert.equal(verify.violations?.length ?? 0, 0, JSON.stringify(verify).slice(0, 2000));
    instance.remove();
    if (isPostgres) {
        execFileSync('psql', [url, '-qc', `DROP DATABASE ${name} WITH (FORCE)`]);
    }
}

function importFile(instance, file, map) {
    return JSON.parse(instance.run('import', 'events', file, '--map', map, '--rejects', join(instance.dir, 'rejects.csv'), '--json'));
}

// active - debt of every customer, asked over HTTP.
async function balances(instance, customers) {
    const found = new Map();
    const queue = [...customers];
    await instance.start();
    await Promise.all(Array.from({ length: 16 }, async () => {
        for (let customer = queue.pop(); customer !== undefined; customer = queue.pop()) {
            const answer = await instance.send('GET', `/v1/members/ext%3A${encodeURIComponent(customer)}/balances`);
            assert.equal(answer.status, 200, `${customer}: ${answer.text}`);
            const [points] = JSON.parse(answer.text).data;
            found.set(customer, points.active - points.debt);
        }
    }));
    return found;
}

function compare(expected, found) {
    let total = 0;
    for (const [customer, points] of expected) {
        assert.equal(found.get(customer), points, `customer ${customer}`);
        total += points;
    }
    return total;
}

const cents = (text) => Math.round(Number(text) * 100);
const kinds = process.env.LOYALD_TEST_PG ? ['SQLite', 'PostgreSQL'] : ['SQLite'];

for (const kind of kinds) {
    test(`CDNOW on ${kind}: one point per dollar with remainders carried, by customer and in total`, async () => {
        const file = data('cdnow/CDNOW_sample.txt');
        const spent = new Map();
        const rows = readFileSync(file, 'latin1').split('\n').filter((line) => line.trim() !== '');
        for (const row of rows) {
            const [customer, , , , dollars] = row.trim().split(/\s+/);
            spent.set(customer, (spent.get(customer) ?? 0) + cents(dollars));
        }
        assert.equal(rows.length, 6919);
        assert.equal(spent.size, 2357);
        const expected = new Map([...spent].map(([customer, sum]) => [customer, Math.floor(sum / 100)]));
        await withInstance(kind, 'test/data/cdnow-program.json', async (instance) => {
            const first = importFile(instance, file, join(root, 'presets/import/cdnow.json'));
            assert.deepEqual([first.lines, first.booked, first.rejected, first.replayed], [6919, 6919, 0, 0]);
            const again = importFile(instance, file, join(root, 'presets/import/cdnow.json'));
            assert.deepEqual([again.booked, again.replayed], [6919, 6919]);
            const total = compare(expected, await balances(instance, expected.keys()));
            console.log(`CDNOW, ${kind}: ${total} points of ${expected.size} customers equal the file's`);
        });
    });

    test(`Online Retail on ${kind}: every line booked or rejected, cancellations undo what they cancel`, async () => {
        const file = data('online_retail/online_retail_2010-12_to_2011-02.csv.gz');
        const rows = parseCsv(gunzipSync(readFileSync(file)).toString('utf8')).slice(1);
        const { net, counts } = model(rows);
        const expected = new Map([...net].map(([customer, sum]) => [customer, Math.floor(sum / 100)]));
        await withInstance(kind, 'test/data/online-retail-program.json', async (instance) => {
            const first = importFile(instance, file, join(root, 'presets/import/online-retail.json'));
            assert.equal(first.lines, 105335);
            assert.equal(first.booked + first.rejected, 105335);
            assert.equal(first.rejects.no_subject, 36210);
            assert.equal(first.rejects.original_unknown, counts.original_unknown);
            assert.equal(first.booked, counts.booked);
            assert.equal(first.refused, 0);
            const again = importFile(instance, file, join(root, 'presets/import/online-retail.json'));
            assert.equal(again.replayed, first.applied);
            const total = compare(expected, await balances(instance, expected.keys()));
            console.log(`Online Retail, ${kind}: ${first.booked} lines booked, ${first.rejected} rejected, ${total} points of ${expected.size} customers agree`);
        });
    });
}

test('Online Retail: by a switch of the mapping, lines without a customer become sales without a subject', async () => {
    const map = JSON.parse(readFileSync(join(root, 'presets/import/online-retail.json'), 'utf8'));
    map.no_subject = 'sale';
    await withInstance('SQLite', 'test/data/online-retail-program.json', async (instance) => {
        const { writeFileSync } = await import('node:fs');
        writeFileSync(join(instance.dir, 'map.json'), JSON.stringify(map));
        const first = importFile(instance, data('online_retail/online_retail_2010-12_to_2011-02.csv.gz'), join(instance.dir, 'map.json'));
        assert.equal(first.booked + first.rejected, 105335);
        assert.ok(first.sales > 400, `${first.sales} sales`);
        assert.ok(first.rejects.no_subject < 1000, 'only cancellations are left without a subject');
    });
});

function parseCsv(text) {
    return text.split(/\r?\n/).filter((line) => line !== '').map((line) => {
        const fields = [];
        for (let at = 0; at <= line.length;) {
            if (line[at] === '"') {
                let end = at + 1;
                while (line[end] !== '"' || line[end + 1] === '"') {
                    end += line[end] === '"' ? 2 : 1;
                }
                fields.push(line.slice(at + 1, end).replaceAll('""', '"'));
                at = end + 2;
            } else {
                const comma = line.indexOf(',', at);
                const end = comma < 0 ? line.length : comma;
                fields.push(line.slice(at, end));
                at = end + 1;
            }
        }
        return fields;
    });
}

// Net pence by customer: purchases less cancellations, each line rounded half up, a part of a line by its cumulative share.
function model(rows) {
    const net = new Map();
    const bought = new Map(); // customer and article -> lines, oldest first
    const counts = { booked: 0, original_unknown: 0 };
    for (const [invoice, article, , quantityText, , price, customer] of rows) {
        const quantity = Number(quantityText);
        if (customer === '') {
            continue;
        }
        const key = `${customer}/${article}`;
        if (!invoice.startsWith('C')) {
            assert.ok(quantity > 0 && Number(price) >= 0, `${invoice} ${article}`);
            const [whole, part = ''] = price.split('.');
            const amount = Math.floor((Number(whole + part.padEnd(4, '0')) * quantity + 50) / 100);
            net.set(customer, (net.get(customer) ?? 0) + amount);
            bought.set(key, [...(bought.get(key) ?? []), { quantity, left: quantity, amount, refunded: 0 }]);
            counts.booked += 1;
            continue;
        }
        let rest = -quantity;
        const lines = bought.get(key) ?? [];
        if (lines.reduce((sum, line) => sum + line.left, 0) < rest) {
            counts.original_unknown += 1;
            continue;
        }
        counts.booked += 1;
        for (const line of [...lines].reverse()) {
            const take = Math.min(rest, line.left);
            line.left -= take;
            rest -= take;
            const cumulative = Math.floor((2 * line.amount * (line.quantity - line.left) + line.quantity) / (2 * line.quantity));
            net.set(customer, net.get(customer) - (cumulative - line.refunded));
            line.refunded = cumulative;
        }
    }
    return { net, counts };
}
