/** Bytes that are no Zstandard. */
export class ZstdError extends Error {}

export function wrong(what: string): never {
	throw new ZstdError(what);
}

/** A finite-state table (RFC 8878, 4.1): by state its symbol, and how to go on. */
export interface Table {
	log: number;
	symbols: Uint8Array;
	bits: Uint8Array;
	next: Uint16Array;
}

/** Reads how often each symbol comes: -1 is less than once. */
export function readTable(
	d: Uint8Array,
	at: number,
	end: number,
	maxLog: number,
	maxSymbol: number,
): { counts: Int16Array; log: number; at: number } {
	if (at >= end) {
		wrong("cut before a table");
	}
	let p = at * 8;
	const peek = (n: number): number => {
		const i = p >> 3;
		const word = (d[i] ?? 0) | ((d[i + 1] ?? 0) << 8) | ((d[i + 2] ?? 0) << 16);
		return (word >>> (p & 7)) & ((1 << n) - 1);
	};
	const log = peek(4) + 5;
	p += 4;
	if (log > maxLog) {
		wrong("a table too large");
	}
	const counts = new Int16Array(maxSymbol + 1);
	let left = (1 << log) + 1;
	let threshold = 1 << log;
	let bits = log + 1;
	let symbol = 0;
	while (left > 1 && symbol <= maxSymbol) {
		const most = 2 * threshold - 1 - left;
		let count = peek(bits - 1);
		if (count < most) {
			p += bits - 1;
		} else {
			count = peek(bits);
			p += bits;
			if (count >= threshold) {
				count -= most;
			}
		}
		count--;
		left -= Math.abs(count);
		counts[symbol++] = count;
		if (count === 0) {
			for (;;) {
				const zeros = peek(2);
				p += 2;
				symbol += zeros;
				if (zeros < 3) {
					break;
				}
				if (symbol > maxSymbol) {
					wrong("a table of too many");
				}
			}
		}
		while (left < threshold && threshold > 1) {
			threshold >>= 1;
			bits--;
		}
	}
	const stop = (p + 7) >> 3;
	if (left !== 1 || symbol > maxSymbol + 1 || stop > end) {
		wrong("a table that does not add up");
	}
	return { counts, log, at: stop };
}

export function buildTable(counts: ArrayLike<number>, log: number): Table {
	const size = 1 << log;
	const t = { log, symbols: new Uint8Array(size), bits: new Uint8Array(size), next: new Uint16Array(size) };
	const seen = new Uint16Array(counts.length);
	let high = size - 1;
	for (let s = 0; s < counts.length; s++) {
		if (counts[s] === -1) {
			t.symbols[high--] = s;
			seen[s] = 1;
		} else {
			seen[s] = counts[s]!;
		}
	}
	const step = (size >> 1) + (size >> 3) + 3;
	let at = 0;
	for (let s = 0; s < counts.length; s++) {
		for (let i = 0; i < counts[s]!; i++) {
			t.symbols[at] = s;
			do {
				at = (at + step) & (size - 1);
			} while (at > high);
		}
	}
	for (let i = 0; i < size; i++) {
		const x = seen[t.symbols[i]!]!++;
		const bits = log - (31 - Math.clz32(x));
		t.bits[i] = bits;
		t.next[i] = (x << bits) - size;
	}
	return t;
}

const repeat = (n: number, value: number): number[] => Array<number>(n).fill(value);

/** What holds where a block brings no table (RFC 8878, 3.1.1.3.2.2). */
export const defaultTables = {
	ll: buildTable([4, 3, ...repeat(11, 2), 1, 1, 1, ...repeat(9, 2), 3, 2, ...repeat(5, 1), ...repeat(4, -1)], 6),
	of: buildTable([...repeat(6, 1), 2, 2, 2, ...repeat(15, 1), ...repeat(5, -1)], 5),
	ml: buildTable([1, 4, 3, ...repeat(6, 2), ...repeat(37, 1), ...repeat(7, -1)], 6),
};
