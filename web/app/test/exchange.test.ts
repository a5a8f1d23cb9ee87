import { describe, expect, it } from "vitest";
import { clipParts, type Content, contentOf, png, previewOf, sizeOf, textOf } from "../src/desk/clip";
import { type Copied, Exchange } from "../src/desk/exchange";
import type { Input } from "../src/desk/keyboard";

/** A pair of clipboards: here, and on the device. */
function pair(refuses = false) {
	let now = 10_000;
	const said: Input[] = [];
	const here: Content[] = [];
	let shown: Copied | undefined;
	const x = new Exchange(
		(i) => said.push(i),
		(c) => (shown = c),
		async (c) => {
			if (refuses) {
				throw new Error("no click");
			}
			here.push(c);
		},
		() => now,
	);
	return {
		x,
		here,
		shown: () => shown,
		pass: (ms: number) => (now += ms),
		given: () => said.splice(0).length > 0,
		copies: async (c: Content, between = () => {}) => {
			for (const p of clipParts(c)) {
				if (p.case === "clipboard") {
					await x.came(p.value as { mime: string; total: number; offset: number; part: Uint8Array });
					between();
				}
			}
		},
	};
}

describe("between the clipboards", () => {
	it("nothing comes here by itself: it is offered, and taken by a click", async () => {
		const p = pair();
		await p.copies(contentOf("rm -rf"));
		expect(p.here).toEqual([]);
		expect(p.shown()).toMatchObject({ taken: false });
		await p.x.take();
		expect(p.here.map(textOf)).toEqual(["rm -rf"]);
		expect(p.shown()).toMatchObject({ taken: true });
	});
	it("a key that copies takes one copy, and no later one", async () => {
		const p = pair();
		p.x.hand(true);
		p.pass(500);
		await p.copies(contentOf("meant"));
		await p.copies(contentOf("slipped in"));
		expect(p.here.map(textOf)).toEqual(["meant"]);
		p.x.hand(true);
		p.pass(3000);
		await p.copies(contentOf("too late"));
		p.x.hand(false);
		await p.copies(contentOf("by a menu"));
		expect(p.here.map(textOf)).toEqual(["meant"]);
		expect(p.shown()?.content).toEqual(contentOf("by a menu"));
	});
	it("counts from when a copy begins, and stays offered where the browser refuses", async () => {
		const p = pair();
		p.x.hand(true);
		const large = contentOf("x".repeat(100_000));
		await p.copies(large, () => p.pass(1000));
		expect(p.here.length).toBe(1);
		const refused = pair(true);
		refused.x.hand(true);
		await refused.copies(contentOf("a"));
		expect(refused.shown()).toMatchObject({ taken: false });
		await expect(refused.x.take()).rejects.toThrow("no click");
	});
	it("a key that copies the same again takes it again: here may be something else by now", async () => {
		const p = pair();
		p.x.hand(true);
		await p.copies(contentOf("a"));
		await p.copies(contentOf("a"));
		expect(p.here.length).toBe(1);
		p.x.hand(true);
		await p.copies(contentOf("a"));
		expect(p.here.length).toBe(2);
	});
	it("a paste takes this one there, once", () => {
		const p = pair();
		p.x.pasted(contentOf("mine"));
		expect(p.given()).toBe(true);
		p.x.pasted(contentOf("mine"));
		expect(p.given()).toBe(false);
		p.x.pasted(contentOf("another"));
		expect(p.given()).toBe(true);
	});
	it("a paste leaves there what this hand has copied there since, and no one else", async () => {
		const p = pair();
		p.x.hand(false);
		await p.copies(contentOf("by a menu there"));
		p.x.pasted(contentOf("older, here"));
		expect(p.given()).toBe(false);
		p.x.elsewhere();
		p.x.pasted(contentOf("newer, here"));
		expect(p.given()).toBe(true);
		p.pass(60_000);
		await p.copies(contentOf("by somebody there"));
		p.x.pasted(contentOf("newer, here"));
		expect(p.given()).toBe(true);
	});
	it("what comes back as it was given is no news, and another session knows nothing", async () => {
		const p = pair();
		p.x.pasted(contentOf("mine"));
		await p.copies(contentOf("mine"));
		expect(p.shown()).toBeUndefined();
		await p.copies(contentOf("theirs"));
		p.x.reset();
		expect(p.shown()).toBeUndefined();
		await p.x.take();
		expect(p.here).toEqual([]);
	});
	it("gives nothing that is empty or too large", () => {
		const p = pair();
		expect(p.x.give(contentOf(""))).toBe(false);
		expect(p.x.give({ mime: png, bytes: new Uint8Array((8 << 20) + 1) })).toBe(false);
		expect(p.given()).toBe(false);
	});
	it("says of a text how it begins, of a picture how large it is", () => {
		expect(previewOf(contentOf("ü".repeat(9000)))).toBe("ü".repeat(2000));
		const head = new Uint8Array(24);
		new DataView(head.buffer).setUint32(16, 640);
		new DataView(head.buffer).setUint32(20, 480);
		expect(sizeOf({ mime: png, bytes: head })).toEqual({ width: 640, height: 480 });
		expect(sizeOf({ mime: png, bytes: head.subarray(0, 20) })).toBeUndefined();
		expect(previewOf({ mime: png, bytes: head })).toBe("");
	});
});
