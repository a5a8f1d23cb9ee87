import { describe, expect, it, vi } from "vitest";
import { Incoming, png } from "../src/desk/clip";

describe("the clipboard of a device that means ill", () => {
	it("makes room for what has come, and not for what was announced", () => {
		const most = 8 << 20;
		let room = 0;
		const Bytes = Uint8Array;
		class Counted extends Bytes {
			static get [Symbol.species](): Uint8ArrayConstructor {
				return Bytes;
			}
			constructor(length: number) {
				super(length);
				room += length;
			}
		}
		const part = new Uint8Array(4);
		vi.stubGlobal("Uint8Array", Counted);
		try {
			const i = new Incoming();
			for (let n = 0; n < 1000; n++) {
				i.add({ mime: png, total: most, offset: 0, part });
			}
		} finally {
			vi.unstubAllGlobals();
		}
		expect(room).toBeGreaterThan(0);
		expect(room).toBeLessThan(most);
	});
});
