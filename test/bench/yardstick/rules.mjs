// The rules and events of bench_rule by json-logic-engine (compiled) and json-logic-js, events parsed before and from text.
import { readFileSync } from 'node:fs';
import { LogicEngine } from 'json-logic-engine';
import jsonLogic from 'json-logic-js';

// The rules are read from the C source, so that both run the same.
const source = readFileSync(new URL('../bench_rule.c', import.meta.url), 'utf8');
const list = source.slice(source.indexOf('RULES[RULES_N] = {') + 18, source.indexOf('};', source.indexOf('RULES[RULES_N] = {')));
const rules = JSON.parse(`[${list.replaceAll(/"\s*\n\s*"/g, '').replace(/,\s*$/, '')}]`).map((text) => JSON.parse(text));
const rounds = 200000;
const event = (amount) => ({
    event: { amount, categories: ['pastry', 'coffee'], store: 'ams-1', channel: 'store', local: { hour: 10, weekday: 'sat' } },
    member: { tier: { main: 'silver' }, stats: { purchases_90d: 5 } },
});
const texts = Array.from({ length: 3000 }, (_, amount) => JSON.stringify(event(amount)));
const parsed = texts.map((text) => JSON.parse(text));

function measure(name, run) {
    let held = 0;
    const warm = rounds / 10;
    for (let i = 0; i < warm; i += 1) run(i % 3000);
    const start = process.hrtime.bigint();
    for (let i = 0; i < rounds; i += 1) held += run(i % 3000);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    console.log(`${name}: ${(rounds * rules.length / seconds / 1e6).toFixed(2)} M rules/s (${held} held)`);
}

const engine = new LogicEngine();
const compiled = rules.map((rule) => engine.build(rule));
const all = (functions, data) => { let n = 0; for (const f of functions) n += f(data) ? 1 : 0; return n; };
const interpreted = rules.map((rule) => (data) => jsonLogic.apply(rule, data));
measure('json-logic-engine compiled, parsed', (i) => all(compiled, parsed[i]));
measure('json-logic-engine compiled, from text', (i) => all(compiled, JSON.parse(texts[i])));
measure('json-logic-js, parsed', (i) => all(interpreted, parsed[i]));
measure('json-logic-js, from text', (i) => all(interpreted, JSON.parse(texts[i])));
