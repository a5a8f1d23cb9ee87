import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { FromWorker, ToWorker } from "../src/desk/talk";
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
	frame(p: Parts): void {
		this.says(3, frame(p));
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
	show(): { close: () => void } {
		const picture = { close: vi.fn() };
		this.init.output(picture);
		return picture;
	}
}

let told: FromWorker[] = [];
const scope: { onmessage?: (e: { data: ToWorker }) => void; postMessage(m: FromWorker): void } = {
	postMessage: (m) => told.push(m),
};
vi.stubGlobal("self", scope);
vi.stubGlobal("WebSocket", Socket);
vi.stubGlobal("VideoDecoder", Decoder);
vi.stubGlobal("EncodedVideoChunk", class {});
await import("../src/desk/worker");

const tell = (data: ToWorker): void => scope.onmessage?.({ data });
const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 5));
const film: Parts = { number: 1, codec: 1, tiles: [[0, 0, 4, 4]], raw: 0, data: [1, 9] };

function connect(of: number): Socket {
	const open = { device: "kiosk", verb: "control" as const, display: "", monitor: 0, maxWidth: 0, maxHeight: 0, resize: false, virtual: true };
	tell({ connect: { url: "ws://localhost/", bearer: `bearer ${of}`, open }, of });
	return Socket.all.at(-1)!;
}

/** What the page was told, in short. */
const short = (): unknown[] =>
	told.map((m) => ("paint" in m ? `paint ${m.paint.number} of ${m.of}` : "event" in m ? m.event.case : "broken" in m ? "broken" : Object.keys(m)[0]));

beforeEach(() => {
	tell({ close: true });
	told = [];
	Socket.all = [];
	Decoder.all = [];
});

describe("the worker", () => {
	it("counts as painted what waits behind a video when the picture begins anew", async () => {
		const node = connect(1);
		node.open();
		node.ready(4);
		node.frame(film);
		node.frame({ number: 2 });
		node.frame({ number: 3 });
		expect(short()).toEqual(["ready"]);
		node.ready(8);
		node.frame({ number: 4 });
		Decoder.all[0]!.show();
		await settled();
		expect(short()).toEqual(["ready", "paint 3 of 1", "ready", "paint 4 of 1"]);
		tell({ painted: 3, of: 1 });
		tell({ painted: 4, of: 1 });
		expect(node.acked()).toEqual([3, 4]);
	});
	it("takes nothing of one session into the next", async () => {
		const before = connect(1);
		before.open();
		before.ready(4);
		before.frame(film);
		before.frame({ number: 2 });
		const node = connect(2);
		node.open();
		const late = Decoder.all[0]!.show();
		await settled();
		expect(late.close).toHaveBeenCalled();
		tell({ painted: 1, of: 1 }); // was on the way
		node.ready(4);
		node.frame({ number: 1 });
		expect(short()).toEqual(["ready", "ready", "paint 1 of 2"]);
		expect(node.acked()).toEqual([]);
		tell({ painted: 1, of: 2 });
		expect(node.acked()).toEqual([1]);
		before.frame({ number: 3 });
		expect(told.length).toBe(3);
	});
	it("tells of what is no frame, although it waited behind a video", async () => {
		const node = connect(1);
		node.open();
		node.ready(4);
		node.frame(film);
		node.frame({ number: 2, tiles: [[0, 0, 4, 4]] }); // its one byte is no zstd
		await settled();
		Decoder.all[0]!.show();
		await settled();
		expect(short()).toEqual(["ready", "paint 1 of 1", "broken"]);
		expect(node.readyState).toBe(3);
	});
	it("passes a new bearer on, to what is open and to what opens", () => {
		const node = connect(1);
		tell({ bearer: "another" });
		node.open();
		expect(JSON.parse(String(node.sent[0]))).toMatchObject({ bearer: "another", open: { device: "kiosk" } });
		tell({ bearer: "a third" });
		expect(node.sent.slice(1)).toEqual(['{"bearer":"a third"}']);
	});
});
