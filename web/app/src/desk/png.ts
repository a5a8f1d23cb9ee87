// A picture as a PNG (RFC 2083), its pixels stored as they are: a canvas would
// make it smaller, and gives made-up ones where a browser hides what tells it
// from others (Firefox's resistFingerprinting).

const table = Uint32Array.from({ length: 256 }, (_, n) => {
	let c = n;
	for (let k = 0; k < 8; k++) {
		c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
	}
	return c;
});

function crc32(bytes: Uint8Array): number {
	let c = 0xffffffff;
	for (const b of bytes) {
		c = table[(c ^ b) & 255]! ^ (c >>> 8);
	}
	return (c ^ 0xffffffff) >>> 0;
}

function adler32(bytes: Uint8Array): number {
	let a = 1;
	let b = 0;
	for (const x of bytes) {
		a = (a + x) % 65521;
		b = (b + a) % 65521;
	}
	return ((b << 16) | a) >>> 0;
}

/** Numbers of four bytes and bytes, one behind the other. */
function join(...parts: (number | Uint8Array)[]): Uint8Array {
	const out = new Uint8Array(parts.reduce<number>((n, p) => n + (typeof p === "number" ? 4 : p.length), 0));
	const view = new DataView(out.buffer);
	let at = 0;
	for (const p of parts) {
		if (typeof p === "number") {
			view.setUint32(at, p);
			at += 4;
		} else {
			out.set(p, at);
			at += p.length;
		}
	}
	return out;
}

function chunk(name: string, body: Uint8Array): Uint8Array {
	const named = join(Uint8Array.from(name, (c) => c.charCodeAt(0)), body);
	return join(body.length, named, crc32(named));
}

/** zlib's format around stored blocks (RFC 1950, RFC 1951). */
function stored(bytes: Uint8Array): Uint8Array {
	const most = 0xffff;
	const blocks: Uint8Array[] = [];
	for (let at = 0; at < bytes.length; at += most) {
		const block = bytes.subarray(at, at + most);
		const n = block.length;
		const last = at + most >= bytes.length ? 1 : 0;
		blocks.push(Uint8Array.of(last, n & 255, n >> 8, ~n & 255, (~n >> 8) & 255), block);
	}
	return join(Uint8Array.of(0x78, 0x01), ...blocks, adler32(bytes));
}

/** Pixels in rows of red, green, blue and alpha. */
export function pngOf(width: number, height: number, rgba: Uint8Array): Uint8Array {
	const line = width * 4;
	const rows = new Uint8Array((line + 1) * height); // each behind a 0: no filter
	for (let y = 0; y < height; y++) {
		rows.set(rgba.subarray(y * line, (y + 1) * line), y * (line + 1) + 1);
	}
	return join(
		Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
		chunk("IHDR", join(width, height, Uint8Array.of(8, 6, 0, 0, 0))),
		chunk("IDAT", stored(rows)),
		chunk("IEND", new Uint8Array(0)),
	);
}
