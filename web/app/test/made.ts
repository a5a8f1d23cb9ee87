/** What a frame is made of, and what is usual where nothing is said. */
export interface Parts {
	number?: number;
	codec?: number;
	flags?: number;
	copies?: number[][];
	tiles?: number[][];
	raw?: number;
	data?: number[];
}

export function frame(p: Parts): Uint8Array {
	const copies = p.copies ?? [];
	const tiles = p.tiles ?? [];
	const raw = p.raw ?? tiles.reduce((n, t) => n + t[2]! * t[3]! * 4, 0);
	const data = p.data ?? (raw > 0 ? [1] : []);
	const out = new Uint8Array(18 + copies.length * 12 + tiles.length * 8 + data.length);
	const v = new DataView(out.buffer);
	v.setUint32(0, p.number ?? 1, true);
	v.setUint32(4, 77, true);
	v.setUint8(8, p.codec ?? 0);
	v.setUint8(9, p.flags ?? 0);
	v.setUint16(10, copies.length, true);
	v.setUint16(12, tiles.length, true);
	v.setUint32(14, raw, true);
	let at = 18;
	for (const n of [...copies, ...tiles].flat()) {
		v.setUint16(at, n, true);
		at += 2;
	}
	out.set(data, at);
	return out;
}
