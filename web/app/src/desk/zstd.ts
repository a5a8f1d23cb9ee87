import { buildTable, defaultTables, readTable, type Table, wrong } from "./fse";

const longestBlock = 1 << 17;
const maxHuffmanBits = 11;

const llBase = baselines(0, 16, [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
const mlBase = baselines(3, 32, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);

interface Baseline {
	from: Uint32Array;
	bits: Uint8Array;
}

function baselines(first: number, direct: number, extra: number[]): Baseline {
	const from = new Uint32Array(direct + extra.length);
	const bits = new Uint8Array(from.length);
	let next = first;
	for (let i = 0; i < from.length; i++) {
		from[i] = next;
		bits[i] = i < direct ? 0 : extra[i - direct]!;
		next += 1 << bits[i]!;
	}
	return { from, bits };
}

/** What a frame keeps from block to block. */
class State {
	at = 0; // in the input
	put = 0; // in the output
	rep0 = 1;
	rep1 = 4;
	rep2 = 8;
	huffman: Huffman | undefined;
	ll: Table | undefined;
	of: Table | undefined;
	ml: Table | undefined;
}

interface Huffman {
	bits: number;
	/** By the next `bits` bits: symbol, and its length times 256. */
	entries: Uint16Array;
}

/**
 * Zstandard (RFC 8878) for frames of a desktop: one frame whose content fills
 * `out` exactly, without a dictionary. The bytes come from a machine that may
 * mean ill: whatever they are, this writes inside `out` alone, does no more work
 * than the lengths allow, and throws a ZstdError at the first thing that is
 * wrong. The checksum is not looked at; the channel has its own.
 */
export class Zstd {
	private input = new Uint8Array(1 << 16);
	private view = new DataView(this.input.buffer);
	private readonly literals = new Uint8Array(longestBlock);

	/** Unpacks one frame. What `out` holds after an error means nothing. */
	unpack(packed: Uint8Array, out: Uint8Array): void {
		// Bits are read four bytes at a time: there is room behind the end.
		if (this.input.length < packed.length + 8) {
			this.input = new Uint8Array(packed.length * 2 + 8);
			this.view = new DataView(this.input.buffer);
		}
		this.input.set(packed);
		this.input.fill(0, packed.length, packed.length + 8);
		const s = new State();
		const checked = this.header(s, packed.length, out.length);
		for (let last = false; !last; ) {
			last = this.block(s, packed.length, out);
		}
		if (s.put !== out.length) {
			wrong("less content than announced");
		}
		if (s.at + (checked ? 4 : 0) !== packed.length) {
			wrong("bytes behind the frame");
		}
	}

	private header(s: State, length: number, size: number): boolean {
		const d = this.input;
		if (length < 6 || this.view.getUint32(0, true) !== 0xfd2fb528) {
			wrong("no frame");
		}
		const flags = d[4]!;
		const single = (flags & 32) !== 0;
		if ((flags & 8) !== 0 || (flags & 3) !== 0) {
			wrong("a frame with a dictionary");
		}
		let at = single ? 5 : 6;
		const kind = flags >> 6;
		const bytes = kind === 0 ? (single ? 1 : 0) : 1 << kind;
		if (at + bytes > length) {
			wrong("cut in the header");
		}
		if (bytes > 0) {
			let content = kind === 1 ? 256 : 0;
			for (let i = 0; i < bytes; i++) {
				content += d[at + i]! * 2 ** (8 * i);
			}
			if (content !== size) {
				wrong("another size than announced");
			}
		}
		at += bytes;
		s.at = at;
		return (flags & 4) !== 0;
	}

	private block(s: State, length: number, out: Uint8Array): boolean {
		const d = this.input;
		if (s.at + 3 > length) {
			wrong("cut before a block");
		}
		const head = d[s.at]! | (d[s.at + 1]! << 8) | (d[s.at + 2]! << 16);
		s.at += 3;
		const size = head >>> 3;
		const kind = (head >> 1) & 3;
		if (size > longestBlock || s.at + (kind === 1 ? 1 : size) > length) {
			wrong("a block longer than may be");
		}
		switch (kind) {
			case 0:
				if (s.put + size > out.length) {
					wrong("too much content");
				}
				out.set(d.subarray(s.at, s.at + size), s.put);
				s.put += size;
				s.at += size;
				break;
			case 1:
				if (s.put + size > out.length) {
					wrong("too much content");
				}
				out.fill(d[s.at]!, s.put, s.put + size);
				s.put += size;
				s.at++;
				break;
			case 2:
				this.compressed(s, s.at + size, out);
				s.at += size;
				break;
			default:
				wrong("a block of an unknown kind");
		}
		return (head & 1) !== 0;
	}

	private compressed(s: State, end: number, out: Uint8Array): void {
		const d = this.input;
		const section = this.literalsOf(s, s.at, end);
		let at = section.at;
		if (at >= end) {
			wrong("cut before the sequences");
		}
		let count = d[at++]!;
		if (count > 127) {
			count = count < 255 ? ((count - 128) << 8) + d[at++]! : d[at++]! + (d[at++]! << 8) + 0x7f00;
		}
		if (count === 0) {
			if (at !== end) {
				wrong("bytes behind the literals");
			}
			this.copyLiterals(section.from, section.start, section.size, s, out);
			return;
		}
		const modes = d[at++]!;
		if ((modes & 3) !== 0 || at > end) {
			wrong("sequences of an unknown kind");
		}
		const tables: [Table, Table, Table] = [defaultTables.ll, defaultTables.of, defaultTables.ml];
		const most = [35, 31, 52];
		const logs = [9, 8, 9];
		const kept = [s.ll, s.of, s.ml];
		for (let i = 0; i < 3; i++) {
			switch ((modes >> (6 - 2 * i)) & 3) {
				case 1: {
					const symbol = d[at++]!;
					if (symbol > most[i]! || at > end) {
						wrong("an unknown code");
					}
					tables[i] = { log: 0, symbols: new Uint8Array([symbol]), bits: new Uint8Array(1), next: new Uint16Array(1) };
					break;
				}
				case 2: {
					const got = readTable(d, at, end, logs[i]!, most[i]!);
					tables[i] = buildTable(got.counts, got.log);
					at = got.at;
					break;
				}
				case 3:
					tables[i] = kept[i] ?? wrong("a table that is not there");
			}
		}
		[s.ll, s.of, s.ml] = tables;
		this.sequences(s, at, end, count, section, out);
	}

	/** Where the block's literals are: in the input, or unpacked. */
	private literalsOf(s: State, at: number, end: number): Literals {
		const d = this.input;
		const head = this.view.getUint32(at, true);
		const kind = head & 3;
		const format = (head >> 2) & 3;
		if (kind < 2) {
			const bytes = format === 1 ? 2 : format === 3 ? 3 : 1;
			const size = (format & 1) === 0 ? (head & 255) >> 3 : (head >> 4) & (format === 1 ? 0xfff : 0xfffff);
			at += bytes;
			if (size > longestBlock || at + (kind === 0 ? size : 1) > end) {
				wrong("literals longer than may be");
			}
			if (kind === 0) {
				return { from: d, start: at, size, at: at + size };
			}
			this.literals.fill(d[at]!, 0, size);
			return { from: this.literals, start: 0, size, at: at + 1 };
		}
		let size: number;
		let packed: number;
		if (format < 2) {
			size = (head >> 4) & 0x3ff;
			packed = (head >> 14) & 0x3ff;
			at += 3;
		} else if (format === 2) {
			size = (head >> 4) & 0x3fff;
			packed = head >>> 18;
			at += 4;
		} else {
			size = (head >> 4) & 0x3ffff;
			packed = (head >>> 22) | (d[at + 4]! << 10);
			at += 5;
		}
		const stop = at + packed;
		if (size > longestBlock || stop > end) {
			wrong("literals longer than may be");
		}
		if (kind === 2) {
			const got = this.huffmanOf(at, stop);
			s.huffman = got.tree;
			at = got.at;
		}
		const tree = s.huffman ?? wrong("literals without a tree");
		if (format === 0) {
			this.unhuffman(tree, at, stop, 0, size);
		} else {
			const quarter = (size + 3) >> 2;
			let from = at + 6;
			if (from > stop || quarter * 3 > size) {
				wrong("literals in too few parts");
			}
			for (let i = 0; i < 4; i++) {
				const to = i === 3 ? stop : from + (d[at + 2 * i]! | (d[at + 2 * i + 1]! << 8));
				if (to > stop) {
					wrong("literals longer than may be");
				}
				this.unhuffman(tree, from, to, i * quarter, i === 3 ? size : (i + 1) * quarter);
				from = to;
			}
		}
		return { from: this.literals, start: 0, size, at: stop };
	}

	private huffmanOf(at: number, end: number): { tree: Huffman; at: number } {
		const d = this.input;
		const weights = new Uint8Array(256);
		let count = 0;
		if (at >= end) {
			wrong("cut before a tree");
		}
		const head = d[at++]!;
		if (head >= 128) {
			count = head - 127;
			const bytes = (count + 1) >> 1;
			if (at + bytes > end) {
				wrong("cut in a tree");
			}
			for (let i = 0; i < count; i++) {
				const b = d[at + (i >> 1)]!;
				weights[i] = (i & 1) === 0 ? b >> 4 : b & 15;
			}
			at += bytes;
		} else {
			const stop = at + head;
			if (stop > end) {
				wrong("cut in a tree");
			}
			const got = readTable(d, at, stop, 6, 255);
			count = this.weightsOf(buildTable(got.counts, got.log), got.at, stop, weights);
			at = stop;
		}
		let sum = 0;
		for (let i = 0; i < count; i++) {
			const w = weights[i]!;
			if (w > maxHuffmanBits) {
				wrong("a code that is too long");
			}
			sum += w > 0 ? 1 << (w - 1) : 0;
		}
		if (sum === 0) {
			wrong("an empty tree");
		}
		const bits = 32 - Math.clz32(sum);
		const rest = (1 << bits) - sum;
		if (bits > maxHuffmanBits || (rest & (rest - 1)) !== 0) {
			wrong("a tree that does not close");
		}
		weights[count++] = 32 - Math.clz32(rest);
		const entries = new Uint16Array(1 << bits);
		let put = 0;
		for (let w = 1; w <= bits; w++) {
			for (let symbol = 0; symbol < count; symbol++) {
				if (weights[symbol] === w) {
					const n = 1 << (w - 1);
					entries.fill(symbol | ((bits + 1 - w) << 8), put, put + n);
					put += n;
				}
			}
		}
		return { tree: { bits, entries }, at };
	}

	/** Two states take turns; the one that has no bits left lets the other speak last. */
	private weightsOf(t: Table, from: number, end: number, weights: Uint8Array): number {
		let p = this.bitsIn(from, end) - t.log;
		let a = this.bitsAt(from, p, t.log);
		p -= t.log;
		let b = this.bitsAt(from, p, t.log);
		if (p < 0) {
			wrong("cut in a tree");
		}
		for (let count = 0; ; ) {
			if (count > 253) {
				wrong("a tree of too many");
			}
			weights[count++] = t.symbols[a]!;
			p -= t.bits[a]!;
			if (p < 0) {
				weights[count++] = t.symbols[b]!;
				return count;
			}
			a = t.next[a]! + this.bitsAt(from, p, t.bits[a]!);
			[a, b] = [b, a];
		}
	}

	/** How many bits a stream holds that is read from its end. */
	private bitsIn(from: number, end: number): number {
		const last = end > from ? this.input[end - 1]! : 0;
		if (last === 0) {
			wrong("a stream without an end");
		}
		return (end - from) * 8 - (Math.clz32(last) - 23);
	}

	/** The n bits, 25 at most, from bit p on of the stream; before its beginning are none. */
	private bitsAt(from: number, p: number, n: number): number {
		return p < 0 ? 0 : (this.view.getUint32(from + (p >> 3), true) >>> (p & 7)) & ((1 << n) - 1);
	}

	private unhuffman(tree: Huffman, from: number, end: number, put: number, stop: number): void {
		const { bits, entries } = tree;
		const out = this.literals;
		const view = this.view;
		const mask = (1 << bits) - 1;
		let p = this.bitsIn(from, end);
		// Two of 11 bits at most fit what is read at once.
		while (put + 2 <= stop && p >= 2 * bits) {
			const at = p - 2 * bits;
			const word = (view.getUint32(from + (at >> 3), true) >>> (at & 7)) & ((1 << (2 * bits)) - 1);
			const one = entries[word >>> bits]!;
			const used = one >> 8;
			const two = entries[(word >>> (bits - used)) & mask]!;
			out[put] = one & 255;
			out[put + 1] = two & 255;
			put += 2;
			p -= used + (two >> 8);
		}
		while (put < stop) {
			const at = p - bits;
			const word =
				at >= 0
					? (view.getUint32(from + (at >> 3), true) >>> (at & 7)) & mask
					: (view.getUint32(from, true) << -at) & mask & -(1 << -at);
			const e = entries[word]!;
			out[put++] = e & 255;
			p -= e >> 8;
			if (p < 0) {
				wrong("literals that end too early");
			}
		}
		if (p !== 0) {
			wrong("literals that do not end");
		}
	}

	private copyLiterals(from: Uint8Array, start: number, size: number, s: State, out: Uint8Array): void {
		if (s.put + size > out.length) {
			wrong("too much content");
		}
		out.set(from.subarray(start, start + size), s.put);
		s.put += size;
	}

	private sequences(s: State, from: number, end: number, count: number, lit: Literals, out: Uint8Array): void {
		const { view } = this;
		const ll = s.ll!;
		const of = s.of!;
		const ml = s.ml!;
		let p = this.bitsIn(from, end);
		const take = (n: number): number => {
			p -= n;
			return p < 0 ? 0 : (view.getUint32(from + (p >> 3), true) >>> (p & 7)) & ((1 << n) - 1);
		};
		let a = take(ll.log);
		let b = take(of.log);
		let c = take(ml.log);
		let { put } = s;
		let { rep0, rep1, rep2 } = s;
		let next = lit.start;
		const stop = lit.start + lit.size;
		const source = lit.from;
		for (let i = 0; i < count; i++) {
			const code = of.symbols[b]!;
			if (code > 27) {
				wrong("a distance too long");
			}
			let value = 1 << code;
			if (code > 16) {
				value += take(code - 16) * 65536;
				value += take(16);
			} else {
				value += take(code);
			}
			const mc = ml.symbols[c]!;
			const length = mlBase.from[mc]! + take(mlBase.bits[mc]!);
			const lc = ll.symbols[a]!;
			const run = llBase.from[lc]! + take(llBase.bits[lc]!);
			if (i + 1 < count) {
				a = ll.next[a]! + take(ll.bits[a]!);
				c = ml.next[c]! + take(ml.bits[c]!);
				b = of.next[b]! + take(of.bits[b]!);
			}
			let distance: number;
			if (value > 3) {
				distance = value - 3;
				rep2 = rep1;
				rep1 = rep0;
				rep0 = distance;
			} else {
				const which = run === 0 ? value + 1 : value;
				distance = which === 1 ? rep0 : which === 2 ? rep1 : which === 3 ? rep2 : rep0 - 1;
				if (which > 2) {
					rep2 = rep1;
				}
				if (which > 1) {
					rep1 = rep0;
					rep0 = distance;
				}
			}
			if (p < 0 || next + run > stop || put + run + length > out.length || distance > put + run || distance < 1) {
				wrong("a sequence out of bounds");
			}
			if (run > 24) {
				out.set(source.subarray(next, next + run), put);
			} else {
				for (let k = 0; k < run; k++) {
					out[put + k] = source[next + k]!;
				}
			}
			put += run;
			next += run;
			if (length < 24) {
				for (let k = 0; k < length; k++) {
					out[put + k] = out[put + k - distance]!;
				}
			} else if (distance >= length) {
				out.copyWithin(put, put - distance, put - distance + length);
			} else {
				// The source grows while it is copied: each time twice as much.
				let done = 0;
				for (let room = distance; done < length; room *= 2) {
					const n = Math.min(room, length - done);
					out.copyWithin(put + done, put - distance, put - distance + n);
					done += n;
				}
			}
			put += length;
		}
		if (p !== 0) {
			wrong("sequences that do not end");
		}
		s.put = put;
		s.rep0 = rep0;
		s.rep1 = rep1;
		s.rep2 = rep2;
		this.copyLiterals(source, next, stop - next, s, out);
	}
}

interface Literals {
	from: Uint8Array;
	start: number;
	size: number;
	/** Where the input goes on. */
	at: number;
}
