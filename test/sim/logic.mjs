// What the model counts and decides with: sums, exact ratios, conditions, counters.

export const sum = (list, value = (x) => x) => list.reduce((a, x) => a + value(x), 0);
export const ratio = (text) => { // "1.25" -> [125, 100]
    const [whole, part = ''] = String(text).split('.');
    return [Number(whole + part), 10 ** part.length];
};

// JsonLogic, as far as the shops use it.
export function holds(rule, get) {
    if (rule === undefined) {
        return true;
    }
    const [[op, args]] = Object.entries(rule);
    const value = (x) => (x !== null && typeof x === 'object' ? get(x.var) : x);
    switch (op) {
    case 'and': return args.every((x) => holds(x, get));
    case '==': return value(args[0]) === value(args[1]);
    case '>=': return value(args[0]) >= value(args[1]);
    default: throw new Error(`no operator ${op}`);
    }
}

// Counters by name and day.
export class Counter {
    days = new Map();
    add(day, n) { this.days.set(day, (this.days.get(day) ?? 0) + n); }
    copy() { return Object.assign(new Counter(), { days: new Map(this.days) }); }
    total(from = -Infinity, to = Infinity) { return sum([...this.days].filter(([d]) => d >= from && d <= to), ([, n]) => n); }
}
export const counterOf = (map, name) => map.get(name) ?? map.set(name, new Counter()).get(name);
