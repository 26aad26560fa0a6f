// What of a purchase is left after refunds: domain.md 11, "Lines and amount" and "Refunds". Everything is cumulative.

export const halfUp = (a, b, c) => Math.floor((2 * a * b + c) / (2 * c)); // a × b / c

// Largest remainder, the earlier first.
export function spread(total, weights) {
    const sum = weights.reduce((a, b) => a + b, 0);
    if (sum === 0) {
        return weights.map(() => 0);
    }
    const shares = weights.map((w) => Math.floor(total * w / sum));
    const order = weights.map((w, i) => [total * w % sum, i]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    let rest = total - shares.reduce((a, b) => a + b, 0);
    for (const [, i] of order) {
        if (rest > 0) {
            shares[i] += 1;
            rest -= 1;
        }
    }
    return shares;
}

// The lines as sold: scaled down to the amount, or filled up to it with a nameless fee; without lines one line of goods.
export function sold(data) {
    const given = data.lines ?? [];
    const sum = given.reduce((a, l) => a + l.amount, 0);
    const amounts = sum > data.amount ? spread(data.amount, given.map((l) => l.amount)) : given.map((l) => l.amount);
    const lines = given.map((l, i) => ({ id: l.id, category: l.category, kind: l.kind ?? 'goods', quantity: l.quantity ?? 1, sold: amounts[i] }));
    if (given.length === 0) {
        lines.push({ kind: 'goods', quantity: 1, sold: data.amount });
    } else if (sum < data.amount) {
        lines.push({ kind: 'fee', quantity: 1, sold: data.amount - sum });
    }
    return lines.map((l) => ({ ...l, back: 0, takenOff: 0 })); // quantity that is back, amount taken off for it
}

// purchase: {lines, amountBack, pointsAmount, amount}. The lines that are left: amount, and `earns`, the part not paid in points.
export function left(purchase) {
    if (purchase.isUndone) {
        return { amount: 0, lines: [] };
    }
    const amounts = purchase.lines.map((l) => l.sold - l.takenOff);
    const off = spread(purchase.amountBack, amounts);
    const lines = purchase.lines.map((l, i) => ({ ...l, quantity: l.quantity - l.back, amount: amounts[i] - off[i] }))
        .map((l) => ({ ...l, isLeft: l.quantity > 0 && (l.amount > 0 || l.sold === 0) }));
    const amount = lines.reduce((a, l) => a + l.amount, 0);
    const byPoints = purchase.amount > 0 ? halfUp(purchase.pointsAmount, amount, purchase.amount) : 0;
    const shares = spread(Math.min(byPoints, amount), lines.map((l) => l.amount));
    return { amount, lines: lines.map((l, i) => ({ ...l, earns: l.amount - shares[i] })).filter((l) => l.isLeft) };
}

// What becomes of the purchase's content with a refund; null where it takes more than is left.
export function takeBack(purchase, refund) {
    const lines = purchase.lines.map((l) => ({ ...l }));
    let { amountBack } = purchase;
    const rest = left(purchase);
    if (rest.lines.length === 0) {
        return null;
    }
    if (refund.lines) {
        for (const wanted of refund.lines) {
            const line = lines.find((l) => l.id === wanted.id);
            if (line === undefined) {
                return null; // the newest content has no such line
            }
            const cumulative = wanted.quantity === undefined ? line.quantity : line.back + wanted.quantity;
            if (cumulative > line.quantity || line.back === line.quantity) {
                return null;
            }
            line.back = cumulative;
            line.takenOff = Math.max(line.takenOff, halfUp(line.sold, cumulative, line.quantity));
        }
    } else if (refund.amount !== undefined) {
        amountBack += refund.amount;
    } else {
        for (const line of lines) {
            line.back = line.quantity;
            line.takenOff = line.sold;
        }
        amountBack = 0;
    }
    if (amountBack > lines.reduce((a, l) => a + l.sold - l.takenOff, 0)) {
        return null;
    }
    return { lines, amountBack };
}
