import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Line } from "../src/desk/line";
import type { FromWorker, ToWorker, Word } from "../src/desk/talk";
import { ScreenEventSchema, ScreenInputSchema } from "../src/gen/screen_pb";
import { frame, type Parts } from "./made";

/** The node's end of a page's WebSocket. */
class Socket {
	static readonly OPEN = 1;
	static all: Socket[] = [];
	readyState = 0;
	sent: (string | Uint8Array)[] = [];
	onopen?: () => void;
	onmessage?: (e: { data: unknown }) => void;
	constructor() {
		Socket.all.push(this);
	}
	send(m: string | Uint8Array): void {
		this.sent.push(m);
	}
	close(): void {
		this.readyState = 3;
	}
	open(): void {
		this.readyState = 1;
		this.onopen?.();
	}
	private says(kind: number, body: Uint8Array): void {
		this.onmessage?.({ data: new Uint8Array([kind, ...body]).buffer });
	}
	event(event: MessageInitShape<typeof ScreenEventSchema>["event"]): void {
		this.says(1, toBinary(ScreenEventSchema, create(ScreenEventSchema, { event })));
	}
	ready(side: number): void {
		this.event({ case: "ready", value: { width: side, height: side } });
	}
	frame(p: Parts, more = 0): void {
		const body = frame(p);
		const message = new Uint8Array(1 + body.length + more);
		message[0] = 3;
		message.set(body, 1);
		this.onmessage?.({ data: message.buffer });
	}
	acked(): number[] {
		return this.sent.flatMap((m) => {
			const input = typeof m === "string" ? undefined : fromBinary(ScreenInputSchema, m.subarray(1)).input;
			return input?.case === "ack" ? [input.value.number] : [];
		});
	}
}

/** A decoder whose pictures come when the test has them come. */
class Decoder {
	static all: Decoder[] = [];
	state = "unconfigured";
	constructor(private readonly init: { output(f: unknown): void }) {
		Decoder.all.push(this);
	}
	configure(): void {
		this.state = "configured";
	}
	decode(): void {}
	close(): void {
		this.state = "closed";
	}
	show(size = {}): { close: () => void } {
		const picture = { close: vi.fn(), ...size };
		this.init.output(picture);
		return picture;
	}
}

const scope: { onmessage?: (e: { data: ToWorker }) => void; postMessage(m: FromWorker): void } = {
	postMessage: (data) => setTimeout(() => worker.onmessage?.({ data })),
};
/** The real worker, messages to and from which take their time. */
const worker: { onmessage?: (e: { data: FromWorker }) => void; postMessage(m: ToWorker): void } = {
	postMessage: (data) => setTimeout(() => scope.onmessage?.({ data })),
};
vi.stubGlobal("self", scope);
vi.stubGlobal("WebSocket", Socket);
vi.stubGlobal("VideoDecoder", Decoder);
vi.stubGlobal("EncodedVideoChunk", class {});
await import("../src/desk/worker");

const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 20));
const film: Parts = { number: 1, codec: 1, tiles: [[0, 0, 4, 4]], raw: 0, data: [1, 9] };

let told: Word[] = [];
let line: Line;

function connect(bearer = "bearer"): Socket {
	line.connect("ws://localhost/", bearer, {
		device: "kiosk",
		verb: "control",
		display: "",
		monitor: 0,
		maxWidth: 0,
		maxHeight: 0,
		resize: false,
		virtual: true,
	});
	return Socket.all.at(-1)!;
}

/** What the page was told, in short. */
const short = (): unknown[] =>
	told.map((m) => ("paint" in m ? `paint ${m.paint.number}` : "event" in m ? m.event.case : Object.keys(m)[0]));

beforeEach(() => {
	told = [];
	Socket.all = [];
	Decoder.all = [];
	line = new Line(worker as unknown as Worker, (w) => {
		told.push(w);
		if ("paint" in w) {
			line.painted(w.paint.number);
		}
	});
});

describe("a desktop's connection", () => {
	it("paints what is small in the turn that brought it, and acknowledges it", () => {
		const node = connect();
		node.open();
		node.ready(4);
		node.frame({ number: 1 });
		node.frame({ number: 2, copies: [[0, 0, 1, 1, 1, 1]] });
		expect(short()).toEqual(["ready", "paint 1", "paint 2"]);
		expect(node.acked()).toEqual([1, 2]);
	});
	it("keeps the order where some frames are large or video", async () => {
		const node = connect();
		node.open();
		node.ready(1024);
		const large = packed(1024 * 1024 * 4);
		node.frame({ number: 1, tiles: [[0, 0, 1024, 1024]], data: large });
		node.frame({ number: 2 });
		node.frame({ ...film, number: 3 });
		node.frame({ number: 4 });
		await settled();
		expect(short()).toEqual(["ready", "paint 1", "paint 2"]);
		Decoder.all[0]!.show();
		await settled();
		node.frame({ number: 5 });
		expect(short()).toEqual(["ready", "paint 1", "paint 2", "paint 3", "paint 4", "paint 5"]);
		expect(node.acked()).toEqual([1, 2, 3, 4, 5]);
	});
	it("counts as painted what the worker has when the picture begins anew", async () => {
		const node = connect();
		node.open();
		node.ready(4);
		node.frame(film);
		node.frame({ number: 2 });
		node.frame({ number: 3 });
		await settled();
		node.ready(8);
		node.frame({ number: 4 });
		await settled();
		const late = Decoder.all[0]!.show();
		await settled();
		expect(late.close).toHaveBeenCalled();
		expect(short()).toEqual(["ready", "ready", "paint 4"]);
		expect(node.acked()).toEqual([3, 4]);
	});
	it("takes nothing of one session into the next", async () => {
		const before = connect();
		before.open();
		before.ready(4);
		before.frame(film);
		before.frame({ number: 2 });
		await settled();
		Decoder.all[0]!.show(); // its picture is on the way when the page connects anew
		const node = connect();
		node.open();
		node.ready(4);
		await settled();
		expect(short()).toEqual(["ready", "ready"]);
		expect(node.acked()).toEqual([]);
		before.frame({ number: 3 });
		node.frame({ number: 1 });
		expect(short()).toEqual(["ready", "ready", "paint 1"]);
		expect([before.acked(), node.acked()]).toEqual([[], [1]]);
	});
	it("tells of what is no frame, wherever it is found", async () => {
		const wrong: Parts = { number: 2, tiles: [[0, 0, 4, 4]] }; // its one byte is no zstd
		for (const first of [[], [film]]) {
			told = [];
			const node = connect();
			node.open();
			node.ready(4);
			for (const p of [...first, wrong]) {
				node.frame(p);
			}
			await settled();
			Decoder.all.at(-1)?.show();
			await settled();
			expect(short().at(-1)).toBe("broken");
			expect(node.readyState).toBe(3);
		}
	});
	it("acknowledges nothing while nobody looks", () => {
		const node = connect();
		node.open();
		node.ready(4);
		line.look(true);
		node.frame({ number: 1 });
		node.frame({ number: 2 });
		expect(node.acked()).toEqual([]);
		line.look(false);
		expect(node.acked()).toEqual([2]);
	});
	it("ends a device that sends more than may be on its way, and none that waits for its turn", async () => {
		const node = connect();
		node.open();
		node.ready(4);
		line.look(true);
		for (let number = 1; number <= 70; number++) {
			node.frame({ number });
		}
		expect(short().at(-1)).toBe("paint 70");
		line.look(false);
		node.frame({ ...film, number: 71 });
		for (let number = 72; number < 72 + 2 * 64; number++) {
			node.frame({ number });
		}
		await settled();
		expect(short().at(-1)).toBe("broken");
		expect(node.readyState).toBe(3);
		const other = connect();
		other.open();
		other.ready(4);
		other.frame(film);
		for (let number = 2; number <= 5; number++) {
			other.frame({ number, tiles: [[0, 0, 4, 4]] }, 16 << 20);
		}
		expect(short().at(-1)).toBe("broken");
	});
	it("unpacks only as much ahead of what is painted as fits a picture or two", async () => {
		const node = connect();
		node.open();
		node.ready(2048);
		const large = packed(2048 * 2048 * 4);
		const carried = vi.spyOn(worker, "postMessage");
		node.frame({ ...film, number: 1, tiles: [[0, 0, 16, 16]] }); // holds up all behind it
		for (let number = 2; number <= 12; number++) {
			node.frame({ number, tiles: [[0, 0, 2048, 2048]], data: large });
		}
		await settled();
		expect(carried.mock.calls.length).toBeLessThan(6);
		carried.mockRestore();
		Decoder.all[0]!.show();
		await vi.waitFor(() => expect(short().at(-1)).toBe("paint 12"), 5000);
		expect(node.acked()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
	});
	it("shows no picture of a film that is larger than its place", async () => {
		const node = connect();
		node.open();
		node.ready(64);
		node.frame({ ...film, tiles: [[0, 0, 16, 16]] });
		await settled();
		const bomb = Decoder.all[0]!.show({ displayWidth: 16_384, displayHeight: 16_384 });
		await settled();
		expect(bomb.close).toHaveBeenCalled();
		expect(short()).toEqual(["ready", "noVideo", "paint 1"]);
	});
	it("passes a new bearer on, to what is open and to what opens", () => {
		const node = connect();
		line.prolong("another");
		node.open();
		expect(JSON.parse(String(node.sent[0]))).toMatchObject({ bearer: "another", open: { device: "kiosk" } });
		line.prolong("a third");
		expect(node.sent.slice(1)).toEqual(['{"bearer":"a third"}']);
	});
});

/** So many zeros, as zstd packs them: blocks of one byte that repeats. */
function packed(size: number): number[] {
	const out = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, size & 255, (size >> 8) & 255, (size >> 16) & 255, size >>> 24];
	for (let left = size; left > 0; ) {
		const n = Math.min(left, 128 << 10);
		left -= n;
		const head = (n << 3) | 2 | (left === 0 ? 1 : 0);
		out.push(head & 255, (head >> 8) & 255, head >> 16, 0);
	}
	return out;
}
