// Databases of each released schema are kept here (made by `loyald demo --members 30 --days 60 --seed 7`; from schema 5 on the
// program has rewards, achievements and redemption codes too): migrated, they are sound, serve, and answer what they answered then. A new release adds its folders and changes none.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Instance } from '../torture/server.mjs';

const root = new URL('../..', import.meta.url).pathname;
const here = join(root, 'test/upgrade');
const newest = readdirSync(join(root, 'sql/migrations')).filter((name) => /^\d+_.*(?<!\.check)\.sql$/.test(name)).length;
const folders = readdirSync(here).filter((name) => name.startsWith('schema-'));

function unpack(folder, dir, name) {
    writeFileSync(join(dir, name), gunzipSync(readFileSync(join(here, folder, `${name}.gz`))), { mode: 0o600 });
}

for (const folder of folders) {
    const isPostgres = folder.endsWith('postgresql');
    test(`${folder} migrates, is sound, and answers as it did`, { skip: isPostgres && !process.env.LOYALD_TEST_PG && 'LOYALD_TEST_PG names no server' }, async () => {
        const dir = mkdtempSync(join(root, 'build/upgrade-'));
        const url = process.env.LOYALD_TEST_PG;
        const name = `upgrade_${process.pid}`;
        let database = join(dir, 'loyald.db');
        unpack(folder, dir, 'keys.db');
        writeFileSync(join(dir, 'master.key'), readFileSync(join(here, folder, 'master.key')), { mode: 0o600 });
        chmodSync(join(dir, 'master.key'), 0o400);
        if (isPostgres) {
            database = url.replace(/\/[^/]*$/, `/${name}`);
            execFileSync('psql', [url, '-qc', `CREATE DATABASE ${name}`]);
            execFileSync('psql', [database, '-q', '-v', 'ON_ERROR_STOP=1'], { input: gunzipSync(readFileSync(join(here, folder, 'loyald.sql.gz'))), stdio: ['pipe', 'ignore', 'pipe'] });
        } else {
            unpack(folder, dir, 'loyald.db');
        }
        const instance = await Instance.open({ dir, database, key: readFileSync(join(here, folder, 'key.txt'), 'utf8').trim() });
        instance.run('migrate');
        const audit = instance.run('audit', 'export').trim().split('\n').map((line) => JSON.parse(line));
        const next = Number(folder.split('-')[1]) + 1;
        if (next <= newest) {
            assert.ok(audit.some((entry) => entry.action === 'schema.migrate' && entry.object === `schema/${next}`), 'the migration is in the audit log');
        }
        instance.run('audit', 'verify');
        instance.run('verify', '--json'); // exits 1 on damage, which throws
        await instance.start();
        const answers = {};
        try {
            for (let m = 1; m <= 30; m += 1) {
                for (const part of ['balances', 'tiers', 'transfers', 'timeline']) {
                    const path = `/v1/members/ext%3AC-${m}/${part}`;
                    const answer = await instance.send('GET', path);
                    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
                    answers[path] = JSON.parse(answer.text);
                }
            }
        } finally {
            await instance.kill('SIGTERM');
        }
        // What is stored does not change with the clock, unlike what expires: transfers of earning and the timeline's purchases.
        const kept = Object.fromEntries(Object.entries(answers).filter(([path]) => /transfers|timeline/.test(path)).map(([path, value]) => [path,
            value.data.filter((item) => item.kind === 'earn' || item.type === 'purchase' || item.event?.type === 'purchase')]));
        const expected = join(here, folder, 'expected.json');
        if (!existsSync(expected) && process.env.WRITE_EXPECTED) {
            writeFileSync(expected, `${JSON.stringify(kept)}\n`);
        }
        assert.deepEqual(kept, JSON.parse(readFileSync(expected, 'utf8')));
        assert.ok(Object.values(kept).flat().length > 200, 'there is something to compare');
        instance.remove();
        if (isPostgres) {
            execFileSync('psql', [url, '-qc', `DROP DATABASE ${name} WITH (FORCE)`]);
        }
    });
}
