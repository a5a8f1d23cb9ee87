import { crc32, inflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { pngOf } from "../src/desk/png";

it.each([
	[1, 1],
	[9, 16],
	[128, 128], // more than a stored block holds
])("makes a PNG of %i by %i pixels", (width, height) => {
	const rgba = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 7919) >> 3);
	const png = Buffer.from(pngOf(width, height, rgba));
	expect(png.toString("latin1", 0, 8)).toBe("\x89PNG\r\n\x1a\n");
	const chunks: Record<string, Buffer> = {};
	for (let at = 8; at < png.length; ) {
		const end = at + 8 + png.readUInt32BE(at);
		chunks[png.toString("latin1", at + 4, at + 8)] = png.subarray(at + 8, end);
		expect(png.readUInt32BE(end)).toBe(crc32(png.subarray(at + 4, end)));
		at = end + 4;
	}
	expect(Object.keys(chunks)).toEqual(["IHDR", "IDAT", "IEND"]);
	expect([chunks.IHDR!.readUInt32BE(0), chunks.IHDR!.readUInt32BE(4)]).toEqual([width, height]);
	const rows = inflateSync(chunks.IDAT!); // and its checksum
	for (let y = 0; y < height; y++) {
		const row = rows.subarray(y * (width * 4 + 1), (y + 1) * (width * 4 + 1));
		expect(row[0]).toBe(0);
		expect(Buffer.compare(row.subarray(1), rgba.subarray(y * width * 4, (y + 1) * width * 4))).toBe(0);
	}
});
