import { afterEach, describe, expect, it, vi } from "vitest";
import { clipParts, contentOf, Incoming, plain, png, textOf } from "../src/desk/clip";
import { Shapes } from "../src/desk/cursor";
import { FrameError, maxFrame, readFrame } from "../src/desk/frame";
import { ZstdError } from "../src/desk/fse";
import { Grip } from "../src/desk/grip";
import { type Input, isWayOut, type Key, Keyboard, textParts } from "../src/desk/keyboard";
import { buttonsOf, Pointer, wheelOf } from "../src/desk/pointer";
import { Zstd } from "../src/desk/zstd";
import { frame, type Parts } from "./made";
import vectors from "./zstd.json";

/** The generator that the vectors' contents were made with. */
class Lcg {
	constructor(private state: number) {}
	next(n: number): number {
		this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
		return (this.state >>> 8) % n;
	}
}

const contents: Record<string, (n: number) => number[]> = {
	words(n) {
		const l = new Lcg(7);
		const b: number[] = [];
		while (b.length < n) {
			const w = l.next(500);
			const k = new Lcg(w);
			for (let i = 0; i < 3 + (w % 7); i++) {
				b.push(97 + k.next(26));
			}
			b.push(32);
		}
		return b.slice(0, n);
	},
	noise(n) {
		const l = new Lcg(3);
		return Array.from({ length: n }, () => l.next(256));
	},
	skew(n) {
		const l = new Lcg(5);
		return Array.from({ length: n }, () => {
			const a = l.next(16);
			return (a * l.next(a + 1)) & 255;
		});
	},
	pixels(n) {
		const l = new Lcg(9);
		const b: number[] = [];
		while (b.length < n) {
			const [r, g, bl] = [l.next(4) * 60, l.next(4) * 60, (l.next(3) * 100) & 255];
			for (let k = l.next(40); k >= 0; k--) {
				b.push(r, g, bl, 255);
			}
		}
		return b.slice(0, n);
	},
	run: (n) => Array<number>(n).fill(0),
};

const packed = vectors.map(([name, size, text]) => ({
	name: String(name),
	size: Number(size),
	bytes: new Uint8Array(Buffer.from(String(text), "base64")),
}));

describe("zstd", () => {
	const zstd = new Zstd();
	it("unpacks what another encoder packed, at its fastest and its best", () => {
		for (const v of packed) {
			const out = new Uint8Array(v.size);
			zstd.unpack(v.bytes, out);
			expect(Buffer.compare(out, Buffer.from(contents[v.name]!(v.size))), `${v.name} ${v.size}`).toBe(0);
		}
	});
	it("wants the size that was announced, and nothing behind the frame", () => {
		const v = packed[0]!;
		expect(() => zstd.unpack(v.bytes, new Uint8Array(v.size - 1))).toThrow(ZstdError);
		expect(() => zstd.unpack(v.bytes, new Uint8Array(v.size + 1))).toThrow(ZstdError);
		expect(() => zstd.unpack(new Uint8Array([...v.bytes, 0]), new Uint8Array(v.size))).toThrow(ZstdError);
		expect(() => zstd.unpack(new Uint8Array(0), new Uint8Array(0))).toThrow(ZstdError);
	});
	it("throws nothing but its own error, whatever the bytes, and in bounded time", () => {
		const l = new Lcg(20261127);
		const until = performance.now() + 1500;
		let rounds = 0;
		while (performance.now() < until) {
			const v = packed[l.next(packed.length)]!;
			if (v.size > 10_000 && l.next(10) > 0) {
				continue;
			}
			let bytes = v.bytes.slice();
			for (let i = l.next(6); i >= 0; i--) {
				// The head is left alone mostly: behind it is what there is to break.
				const at = (l.next(4) === 0 ? 0 : 5) + l.next(Math.min(bytes.length, 200) - 5);
				bytes[at] = l.next(256);
			}
			if (l.next(5) === 0) {
				bytes = bytes.slice(0, l.next(bytes.length));
			}
			const out = new Uint8Array(v.size);
			const began = performance.now();
			try {
				zstd.unpack(bytes, out);
			} catch (e) {
				if (!(e instanceof ZstdError)) {
					throw new Error(`${Buffer.from(bytes).toString("base64")}: ${String(e)}`);
				}
			}
			expect(performance.now() - began).toBeLessThan(2000);
			rounds++;
		}
		expect(rounds).toBeGreaterThan(50);
	});
});

describe("frames", () => {
	it("are read as they were written", () => {
		const f = readFrame(frame({ number: 9, flags: 1, copies: [[0, 5, 10, 5, 0, 0]], tiles: [[0, 5, 10, 5]] }), 10, 10);
		expect(f).toMatchObject({
			number: 9,
			timeMs: 77,
			codec: 0,
			complete: true,
			copies: [{ sx: 0, sy: 5, w: 10, h: 5, dx: 0, dy: 0 }],
			tiles: [{ x: 0, y: 5, w: 10, h: 5 }],
			raw: 200,
		});
		expect([...f.data]).toEqual([1]);
		expect(readFrame(frame({}), 1, 1).tiles).toEqual([]);
		expect(readFrame(frame({ codec: 1, tiles: [[0, 0, 4, 4]], raw: 0, data: [1, 2] }), 4, 4).codec).toBe(1);
	});
	it("stay inside the picture, and add up", () => {
		const wrong: [string, Parts][] = [
			["a tile outside", { tiles: [[5, 0, 6, 1]] }],
			["a tile below", { tiles: [[0, 10, 1, 1]] }],
			["an empty tile", { tiles: [[0, 0, 0, 1]] }],
			["a copy from outside", { copies: [[65535, 0, 1, 1, 0, 0]] }],
			["a copy to outside", { copies: [[0, 0, 10, 10, 1, 0]] }],
			["an empty copy", { copies: [[0, 0, 0, 0, 0, 0]] }],
			["another size", { tiles: [[0, 0, 1, 1]], raw: 8 }],
			["pixels for no tile", { data: [1] }],
			["a tile without pixels", { tiles: [[0, 0, 1, 1]], data: [] }],
			["too many moves", { copies: Array<number[]>(17).fill([0, 0, 1, 1, 1, 1]) }],
			["too many tiles", { tiles: Array<number[]>((16 << 10) + 1).fill([0, 0, 1, 1]) }],
			["too much moved", { copies: Array<number[]>(9).fill([0, 0, 10, 10, 0, 0]) }],
			["an unknown codec", { codec: 3, tiles: [[0, 0, 1, 1]] }],
			["video of two regions", { codec: 1, tiles: [[0, 0, 1, 1], [1, 1, 1, 1]], data: [1, 2] }],
			["video without a packet", { codec: 2, tiles: [[0, 0, 1, 1]], data: [1] }],
		];
		for (const [what, p] of wrong) {
			expect(() => readFrame(frame(p), 10, 10), what).toThrow(FrameError);
		}
		const whole = frame({ tiles: [[0, 0, 1, 1]] });
		for (let n = 0; n < whole.length; n++) {
			expect(() => readFrame(whole.subarray(0, n), 10, 10), `cut at ${n}`).toThrow(FrameError);
		}
		expect(() => readFrame(new Uint8Array(maxFrame + 1), 10, 10)).toThrow(FrameError);
	});
	it("throw nothing but their own error", () => {
		const l = new Lcg(42);
		for (let i = 0; i < 4000; i++) {
			const b = frame({ copies: [[0, 0, 1, 1, 1, 1]], tiles: [[0, 0, 2, 2], [4, 4, 1, 1]] }).slice();
			for (let k = l.next(5); k >= 0; k--) {
				b[l.next(b.length)] = l.next(256);
			}
			try {
				const f = readFrame(b.subarray(0, l.next(3) === 0 ? l.next(b.length) : b.length), 16, 16);
				for (const t of f.tiles) {
					expect(t.x + t.w <= 16 && t.y + t.h <= 16).toBe(true);
				}
			} catch (e) {
				expect(e).toBeInstanceOf(FrameError);
			}
		}
	});
});

const key = (code: string, k: string, more: Partial<Key> = {}): Key => ({
	code,
	key: k,
	shiftKey: false,
	ctrlKey: false,
	altKey: false,
	metaKey: false,
	isComposing: false,
	getModifierState: () => false,
	...more,
});

const short = (said: Input[]): string[] =>
	said.map((i) => {
		switch (i.case) {
			case "key":
				return `${i.value.down ? "+" : "-"}${i.value.code}:${i.value.key}`;
			case "pointer":
				return `${i.value.x},${i.value.y}:${i.value.buttons}`;
			case "wheel":
				return `wheel ${i.value.dx},${i.value.dy}`;
			case "text":
				return `text ${i.value}`;
			default:
				return String(i.case);
		}
	});

describe("the keyboard", () => {
	const hands = (mac = false): { k: Keyboard; said: Input[] } => {
		const said: Input[] = [];
		return { k: new Keyboard((i) => said.push(i), mac), said };
	};
	it("sends code and key, down and up, and repeats", () => {
		const { k, said } = hands();
		expect(k.keydown(key("KeyZ", "y"))).toBe(true);
		k.keydown(key("KeyZ", "y"));
		k.keyup(key("KeyZ", "y"));
		k.keyup(key("KeyZ", "y"));
		expect(short(said)).toEqual(["+KeyZ:y", "+KeyZ:y", "-KeyZ:y"]);
	});
	it("lets go of what was pressed, though another character is let go", () => {
		const { k, said } = hands();
		k.keydown(key("Digit1", "!", { shiftKey: true }));
		k.keyup(key("Digit1", "1"));
		expect(short(said)).toEqual(["+Digit1:!", "-Digit1:!"]);
	});
	it("leaves dead keys and input methods to the browser, and sends what comes of them", () => {
		const { k, said } = hands();
		for (const e of [key("Equal", "Dead"), key("KeyE", "e", { isComposing: true }), key("KeyA", "Process"), key("", "Unidentified", { keyCode: 229 })]) {
			expect(k.keydown(e)).toBe(false);
			k.keyup(e);
		}
		k.input("insertText", "é");
		k.input("insertCompositionText", null);
		k.input("deleteContentBackward", null);
		k.input("insertLineBreak", null);
		expect(short(said)).toEqual(["text é", "+Backspace:Backspace", "-Backspace:Backspace", "+Enter:Enter", "-Enter:Enter"]);
	});
	it("knows AltGr as Windows tells of it", () => {
		const { k, said } = hands();
		k.keydown(key("ControlLeft", "Control", { ctrlKey: true }));
		k.keydown(key("AltRight", "AltGraph"));
		expect(short(said)).toEqual(["+ControlLeft:Control", "-ControlLeft:Control", "+AltRight:AltGraph"]);
	});
	it("lets go with Meta of what a Mac does not tell of", () => {
		const { k, said } = hands(true);
		k.keydown(key("MetaLeft", "Meta"));
		k.keydown(key("KeyC", "c"));
		k.keyup(key("MetaLeft", "Meta"));
		expect(short(said)).toEqual(["+MetaLeft:Meta", "+KeyC:c", "-MetaLeft:Meta", "-KeyC:c"]);
	});
	it("releases once, and tells only who takes input", () => {
		const { k, said } = hands();
		k.keydown(key("KeyA", "a"));
		k.release(true);
		k.keyup(key("KeyA", "a"));
		k.release(false);
		expect(short(said)).toEqual(["+KeyA:a", "release"]);
	});
	it("has a way out", () => {
		expect(isWayOut(key("KeyM", "M", { ctrlKey: true, altKey: true, shiftKey: true }))).toBe(true);
		expect(isWayOut(key("KeyM", "m", { ctrlKey: true }))).toBe(false);
	});
	it("cuts text between characters", () => {
		const text = "😀".repeat(1700);
		const parts = textParts(text);
		expect(parts.join("")).toBe(text);
		for (const p of parts) {
			const bytes = new TextEncoder().encode(p);
			expect(bytes.length).toBeLessThanOrEqual(4096);
			expect(new TextDecoder().decode(bytes)).toBe(p); // no half of a character
		}
		expect(textParts("")).toEqual([]);
	});
});

describe("the pointer", () => {
	const hands = (): { p: Pointer; said: Input[]; pass: (ms: number) => void } => {
		const said: Input[] = [];
		let now = 1000;
		return { p: new Pointer((i) => said.push(i), () => ({ x: 0, y: -20 }), () => now), said, pass: (ms) => (now += ms) };
	};
	it("turns the DOM's buttons into the wire's", () => {
		expect([0, 1, 2, 4, 8, 16, 31].map(buttonsOf)).toEqual([0, 1, 4, 2, 8, 16, 31]);
	});
	it("turns wheels into notches of 120, whatever the browser counts in", () => {
		expect(wheelOf(100, 0)).toBe(120);
		expect(wheelOf(-3, 1)).toBe(-120);
		expect(wheelOf(1, 2)).toBe(480);
		expect(wheelOf(6, 1, -120)).toBe(120);
		expect(wheelOf(0, 1, 0)).toBe(0);
	});
	it("tells of presses at once, and of moves no faster than is worth it", () => {
		const { p, said, pass } = hands();
		p.at({ x: 1, y: 1 }, 0);
		pass(1);
		p.at({ x: 2, y: 2 }, 0);
		pass(1);
		p.at({ x: 3, y: 3 }, 1);
		pass(20);
		p.at({ x: 4, y: 4 }, 1);
		p.release();
		expect(short(said)).toEqual(["1,1:0", "3,3:1", "4,4:1"]);
	});
	it("clicks by a tap, drags by a move, turns the wheel by two fingers", () => {
		const { p, said } = hands();
		p.fingerDown(1, { x: 5, y: 5 }, 50, 50);
		p.fingerUp(1, false);
		p.fingerDown(1, { x: 5, y: 5 }, 50, 50);
		p.fingerMove(1, { x: 6, y: 5 }, 55, 50);
		p.fingerMove(1, { x: 9, y: 5 }, 90, 50);
		p.fingerUp(1, false);
		p.fingerDown(1, { x: 5, y: 5 }, 50, 50);
		p.fingerDown(2, { x: 7, y: 5 }, 70, 50);
		p.fingerMove(1, { x: 5, y: 7 }, 50, 70);
		p.fingerUp(1, false);
		p.fingerUp(2, false);
		expect(short(said)).toEqual(["5,5:1", "5,5:0", "5,5:1", "9,5:1", "9,5:0", "wheel 0,-48"]);
	});
	it("holds for the right button, and drops what was cancelled", async () => {
		const { p, said } = hands();
		p.fingerDown(1, { x: 5, y: 5 }, 50, 50);
		await new Promise((done) => setTimeout(done, 650));
		p.fingerUp(1, false);
		p.fingerDown(1, { x: 5, y: 5 }, 50, 50);
		p.fingerUp(1, true);
		expect(short(said)).toEqual(["5,5:4", "5,5:0"]);
	});
});

describe("the grip", () => {
	afterEach(() => void vi.useRealTimers());
	it("says twice a second that something is held, no longer than it is, and once that it will", () => {
		vi.useFakeTimers();
		const said: Input[] = [];
		const say = (i: Input): void => {
			said.push(i);
			grip.changed();
		};
		const k = new Keyboard(say, false);
		const p = new Pointer(say, () => ({ x: 0, y: 0 }), () => Date.now());
		const grip = new Grip((i) => said.push(i), () => k.holds() || p.holds());
		const after = (ms: number): string[] => {
			vi.advanceTimersByTime(ms);
			return short(said.splice(0));
		};
		grip.greet();
		expect(after(5000)).toEqual(["held"]);
		k.keydown(key("KeyA", "a"));
		expect(after(80)).toEqual(["+KeyA:a"]);
		k.keyup(key("KeyA", "a"));
		expect(after(5000)).toEqual(["-KeyA:a"]);
		k.keydown(key("ShiftLeft", "Shift", { shiftKey: true }));
		expect(after(1100)).toEqual(["+ShiftLeft:Shift", "held", "held"]);
		p.at({ x: 1, y: 1 }, 1);
		k.keyup(key("ShiftLeft", "Shift"));
		expect(after(500)).toEqual(["1,1:1", "-ShiftLeft:Shift", "held"]);
		p.at({ x: 1, y: 1 }, 0);
		expect(after(5000)).toEqual(["1,1:0"]);
		k.type("a text"); // is typed whole
		k.keydown(key("KeyA", "a"));
		k.release(true); // the page has lost the keyboard
		expect(after(5000)).toEqual(["text a text", "+KeyA:a", "release"]);
		p.at({ x: 2, y: 2 }, 2);
		p.release();
		grip.changed();
		expect(after(5000)).toEqual(["2,2:4"]);
	});
});

describe("the clipboard", () => {
	it("goes in parts, and comes together again", () => {
		const c = contentOf("ü".repeat(20_000));
		const incoming = new Incoming();
		let whole;
		for (const p of clipParts(c)) {
			if (p.case === "clipboard") {
				const { mime = "", total = 0, offset = 0, part = new Uint8Array() } = p.value as { mime: string; total: number; offset: number; part: Uint8Array };
				expect(part.length).toBeLessThan(15_000);
				whole = incoming.add({ mime, total, offset, part });
			}
		}
		expect(whole && textOf(whole)).toBe("ü".repeat(20_000));
	});
	it("drops what is too large, out of order, or of another kind", () => {
		const i = new Incoming();
		const part = new Uint8Array(4);
		expect(i.add({ mime: plain, total: (8 << 20) + 1, offset: 0, part })).toBeUndefined();
		expect(i.add({ mime: "text/html", total: 4, offset: 0, part })).toBeUndefined();
		expect(i.add({ mime: png, total: 8, offset: 4, part })).toBeUndefined();
		expect(i.add({ mime: png, total: 8, offset: 0, part })).toBeUndefined();
		expect(i.add({ mime: plain, total: 8, offset: 4, part })).toBeUndefined();
		expect(i.add({ mime: png, total: 3, offset: 0, part })).toBeUndefined();
		expect(i.add({ mime: png, total: 4, offset: 0, part })?.bytes.length).toBe(4);
	});
});

describe("the pointer's shapes", () => {
	it("are kept, the last 256 of them", () => {
		const shapes = new Shapes<string>();
		for (let id = 0; id < 300; id++) {
			shapes.put(id, String(id));
		}
		shapes.put(44, "again"); // the oldest of them: the next is now
		shapes.put(300, "300");
		expect([43, 44, 45, 46, 299, 300].map((id) => shapes.get(id))).toEqual([undefined, "again", undefined, "46", "299", "300"]);
	});
});
