/** What a frame may hold; the device's bounds, and no others. */
export const maxFrame = 32 << 20;
export const maxRaw = 32 << 20;
export const maxSide = 16_384;
export const maxPixels = 2 * 7680 * 4320;
/** Each copy inside a canvas costs a browser a copy of all of it. */
export const maxCopies = 16;
export const maxTiles = 16 << 10;

/** Bytes that are no frame, or none for a picture of this size. */
export class FrameError extends Error {}

export interface Copy {
	sx: number;
	sy: number;
	w: number;
	h: number;
	dx: number;
	dy: number;
}

export interface Tile {
	x: number;
	y: number;
	w: number;
	h: number;
}

/**
 * A frame's head: what moves inside the picture, where new pixels go, and the
 * bytes that hold them.
 */
export interface Frame {
	number: number;
	/** The device's clock when the pixels were grabbed. */
	timeMs: number;
	/** 0 is tiles; 1 and 2 are a region of video. */
	codec: number;
	/** As of this frame the picture is whole and without loss. */
	complete: boolean;
	copies: Copy[];
	tiles: Tile[];
	/** How many bytes `data` unpacks to; all tiles, row by row, R G B 255. */
	raw: number;
	data: Uint8Array;
}

const head = 18;

const bad = (what: string): never => {
	throw new FrameError(what);
};

/** What the page itself unpacks, in bytes of pixels: a fraction of a millisecond's work. */
const small = 256 << 10;

/** What there is to know of a frame before it is read; weight is what it unpacks to, in bytes. */
export function glance(bytes: Uint8Array): { number: number; small: boolean; weight: number } {
	if (bytes.length < head) {
		bad(`a frame of ${bytes.length} bytes`);
	}
	const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const film = v.getUint8(8) !== 0;
	const tile = head + v.getUint16(10, true) * 12;
	const shown = film && bytes.length >= tile + 8 ? v.getUint16(tile + 4, true) * v.getUint16(tile + 6, true) * 4 : 0;
	const weight = Math.max(shown, v.getUint32(14, true));
	return { number: v.getUint32(0, true), small: !film && weight <= small, weight };
}

/** What a codec makes of a side: it is even, and not below 16. */
export function coded(side: number): number {
	return Math.max(16, side + (side & 1));
}

/** A picture that a page may have. */
export function checkSize(width: number, height: number): void {
	if (width < 1 || height < 1 || width > maxSide || height > maxSide || width * height > maxPixels) {
		bad(`a picture of ${width} by ${height}`);
	}
}

/** Reads a frame for a picture of that size. Everything in it lies inside the picture. */
export function readFrame(bytes: Uint8Array, width: number, height: number): Frame {
	if (bytes.length < head || bytes.length > maxFrame) {
		bad(`a frame of ${bytes.length} bytes`);
	}
	const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const codec = v.getUint8(8);
	const nCopies = v.getUint16(10, true);
	const nTiles = v.getUint16(12, true);
	const raw = v.getUint32(14, true);
	const start = head + nCopies * 12 + nTiles * 8;
	if (start > bytes.length) {
		bad("cut in the middle");
	}
	if (nCopies > maxCopies || nTiles > maxTiles) {
		bad(`a frame of ${nCopies} copies and ${nTiles} tiles`);
	}
	const inside = (x: number, y: number, w: number, h: number): void => {
		if (w === 0 || h === 0 || x + w > width || y + h > height) {
			bad("outside the picture");
		}
	};
	let at = head;
	const u16 = (): number => {
		at += 2;
		return v.getUint16(at - 2, true);
	};
	let moved = 0;
	const copies: Copy[] = [];
	for (let i = 0; i < nCopies; i++) {
		const c = { sx: u16(), sy: u16(), w: u16(), h: u16(), dx: u16(), dy: u16() };
		inside(c.sx, c.sy, c.w, c.h);
		inside(c.dx, c.dy, c.w, c.h);
		moved += c.w * c.h;
		copies.push(c);
	}
	let painted = 0;
	const tiles: Tile[] = [];
	for (let i = 0; i < nTiles; i++) {
		const t = { x: u16(), y: u16(), w: u16(), h: u16() };
		inside(t.x, t.y, t.w, t.h);
		painted += t.w * t.h * 4;
		tiles.push(t);
	}
	// More work than a few pictures' is no device's, but somebody's who means ill.
	if (moved > 8 * width * height) {
		bad("more is moved than the picture holds");
	}
	if (codec === 0) {
		if (painted !== raw || raw > maxRaw) {
			bad("tiles that do not add up");
		}
		if ((raw === 0) !== (start === bytes.length)) {
			bad("pixels without tiles");
		}
	} else if (codec > 2 || nTiles !== 1 || start + 2 > bytes.length) {
		bad(`video of kind ${codec}`);
	}
	return {
		number: v.getUint32(0, true),
		timeMs: v.getUint32(4, true),
		codec,
		complete: (v.getUint8(9) & 1) !== 0,
		copies,
		tiles,
		raw,
		data: bytes.subarray(start),
	};
}
