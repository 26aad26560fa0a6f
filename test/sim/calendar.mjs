// Local days of Europe/Amsterdam, by the rule that the European Union has had since 1996: summer time from the last Sunday of March,
// 01:00 UTC, to the last Sunday of October, 01:00 UTC. A day is a number, 0 being 1970-01-01; instants are milliseconds.
export const HOUR = 3600 * 1000;
export const DAY = 24 * HOUR;

const lastSunday = (year, month) => {
    const last = new Date(Date.UTC(year, month + 1, 0));
    return Date.UTC(year, month, last.getUTCDate() - last.getUTCDay(), 1);
};

const changes = new Map();
function offset(at) {
    const year = new Date(at).getUTCFullYear();
    if (!changes.has(year)) {
        changes.set(year, [lastSunday(year, 2), lastSunday(year, 9)]);
    }
    const [summer, winter] = changes.get(year);
    return at >= summer && at < winter ? 2 * HOUR : HOUR;
}

export const dayOf = (at) => Math.floor((at + offset(at)) / DAY);

// The first instant of a local day; the clocks change after it, never at it.
export const midnight = (day) => day * DAY - offset(day * DAY - 2 * HOUR);

// The same day so many months later, or the last of a shorter month.
export function addMonths(day, months) {
    const date = new Date(day * DAY);
    const month = date.getUTCMonth() + months;
    const last = new Date(Date.UTC(date.getUTCFullYear(), month + 1, 0)).getUTCDate();
    return Date.UTC(date.getUTCFullYear(), month, Math.min(date.getUTCDate(), last)) / DAY;
}

export const monthEnd = (day) => {
    const date = new Date(day * DAY);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0) / DAY;
};

// The first day of the calendar period that a day lies in; weeks begin on Monday.
export function periodOf(day, period) {
    const date = new Date(day * DAY);
    switch (period) {
    case 'day': return day;
    case 'week': return day - (date.getUTCDay() + 6) % 7;
    case 'month': return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) / DAY;
    case 'year': return Date.UTC(date.getUTCFullYear(), 0, 1) / DAY;
    default: return 'lifetime';
    }
}
