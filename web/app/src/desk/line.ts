import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ScreenEventSchema, ScreenInputSchema } from "../gen/screen_pb";
import { checkSize, glance } from "./frame";
import type { Input } from "./keyboard";
import type { FromWorker, Open, ToWorker, Word } from "./talk";
import { type Painting, Unpacker } from "./unpack";

const kindEvent = 1;
const kindFrame = 3;

/** What a device may have on its way, in frames and bytes: twice what one has that is slow to be painted. */
const mostFlying = 128;
const mostBytes = 64 << 20;
/** What the worker may have, in bytes of pixels. */
const mostAway = 64 << 20;

/**
 * A desktop's connection. Input leaves in its own turn, and a small frame is
 * unpacked in the turn that brought it; what would keep the page busy, and
 * video, goes through a worker. Frames come out in their order.
 *
 *	node --WebSocket--> Line ──────small──────> painting --> acknowledged
 *	                      └────> worker ────────^
 */
export class Line {
	private socket: WebSocket | undefined;
	private bearer = "";
	private hidden = false;
	/** Pictures, of all connections: what the worker says of an earlier one counts no more. */
	private picture = 0;
	/** What the frames weigh that the worker has, and the frames behind them. */
	private away: number[] = [];
	private weight = 0;
	private behind: { data: ArrayBuffer; weight: number }[] = [];
	/** How long the frames are that came and are not acknowledged, and how many of them are painted. */
	private flying: number[] = [];
	private bytes = 0;
	private landed = 0;
	/** The newest frame, and the one that is painted and not acknowledged. */
	private newest = 0;
	private owed: number | undefined;
	private readonly unpacker = new Unpacker(
		(paint) => this.hear({ paint }),
		(why) => this.hear({ noVideo: why }),
		(why) => this.broken(why),
	);

	constructor(
		private readonly worker: Worker,
		private readonly hear: (w: Word) => void,
	) {
		worker.onmessage = (e: MessageEvent<FromWorker>) => this.unpacked(e.data);
	}

	connect(url: string, bearer: string, open: Open): void {
		this.close();
		this.bearer = bearer;
		const ws = new WebSocket(url, "warren.desktop.v1");
		ws.binaryType = "arraybuffer";
		ws.onopen = () => ws.send(JSON.stringify({ bearer: this.bearer, open }));
		ws.onmessage = (e: MessageEvent<string | ArrayBuffer>) => {
			if (ws !== this.socket) {
				return;
			}
			try {
				if (typeof e.data === "string") {
					this.words(e.data);
				} else {
					this.binary(e.data);
				}
			} catch (why) {
				this.broken(why);
			}
		};
		ws.onclose = (e) => {
			if (ws === this.socket) {
				this.close();
				this.hear({ closed: e.code === 1000 });
			}
		};
		this.socket = ws;
	}

	/** Another bearer keeps what is open beyond the end of the old one. */
	prolong(bearer: string): void {
		this.bearer = bearer;
		this.send(JSON.stringify({ bearer }));
	}

	say(input: Input): void {
		const message = toBinary(ScreenInputSchema, create(ScreenInputSchema, { input }));
		const out = new Uint8Array(message.length + 1);
		out[0] = 0x11;
		out.set(message, 1);
		this.send(out);
	}

	/** A frame is on the canvas. */
	painted(number: number): void {
		this.landed++;
		this.owed = number;
		this.acknowledge();
	}

	/** Nobody looks: what was painted is not acknowledged, so nothing new comes. */
	look(hidden: boolean): void {
		this.hidden = hidden;
		this.acknowledge();
	}

	close(): void {
		const old = this.socket;
		this.socket = undefined;
		old?.close();
		this.newest = this.bytes = this.landed = 0;
		this.flying = [];
		this.owed = undefined;
		this.begin(0, 0);
	}

	dispose(): void {
		this.close();
		this.worker.terminate();
	}

	private send(message: string | Uint8Array<ArrayBuffer>): void {
		if (this.socket?.readyState === WebSocket.OPEN) {
			this.socket.send(message);
		}
	}

	private acknowledge(): void {
		if (this.owed !== undefined && !this.hidden) {
			this.say({ case: "ack", value: { number: this.owed } });
			this.owed = undefined;
			for (const length of this.flying.splice(0, this.landed)) {
				this.bytes -= length;
			}
			this.landed = 0;
		}
	}

	private words(text: string): void {
		const w = JSON.parse(text) as Record<string, never>;
		for (const name of ["opened", "path", "error"]) {
			if (w[name] !== undefined) {
				this.hear({ [name]: w[name] } as unknown as Word);
				return;
			}
		}
	}

	private binary(data: ArrayBuffer): void {
		const bytes = new Uint8Array(data);
		if (bytes.length < 2) {
			throw new Error("an empty message");
		}
		const body = bytes.subarray(1);
		if (bytes[0] === kindFrame) {
			this.frame(data, body);
			return;
		}
		if (bytes[0] !== kindEvent) {
			throw new Error(`a message of kind ${bytes[0]}`);
		}
		const { event } = fromBinary(ScreenEventSchema, body);
		if (event.case === "ready") {
			checkSize(event.value.width, event.value.height);
			// What the worker has was meant for the old picture, and counts as painted.
			if (this.away.length > 0) {
				this.landed = this.flying.length;
				this.painted(this.newest);
			}
			this.begin(event.value.width, event.value.height);
		}
		if (event.case !== undefined) {
			this.hear({ event });
		}
	}

	private frame(data: ArrayBuffer, body: Uint8Array): void {
		const { number, small, weight } = glance(body);
		this.newest = number;
		this.flying.push(data.byteLength);
		this.bytes += data.byteLength;
		if (this.flying.length > mostFlying || this.bytes > mostBytes) {
			throw new Error("the device sends more than may be on its way");
		}
		if (small && this.away.length === 0) {
			this.unpacker.add(body);
		} else {
			this.behind.push({ data, weight });
			this.pass();
		}
	}

	/** Gives the worker what it may have. */
	private pass(): void {
		for (let next = this.behind[0]; next !== undefined; next = this.behind[0]) {
			if (this.away.length > 0 && this.weight + next.weight > mostAway) {
				return;
			}
			this.behind.shift();
			this.away.push(next.weight);
			this.weight += next.weight;
			this.tell({ frame: next.data }, [next.data]);
		}
	}

	private begin(width: number, height: number): void {
		this.picture++;
		this.away = [];
		this.behind = [];
		this.weight = 0;
		this.unpacker.begin(width, height);
		this.tell({ begin: { width, height }, of: this.picture });
	}

	private tell(m: ToWorker, carried: Transferable[] = []): void {
		this.worker.postMessage(m, carried);
	}

	private unpacked(m: FromWorker): void {
		if (m.of !== this.picture) {
			if ("paint" in m) {
				drop(m.paint);
			}
			return;
		}
		if ("broken" in m) {
			this.broken(m.broken);
			return;
		}
		this.hear(m);
		if ("paint" in m) {
			this.weight -= this.away.shift() ?? 0;
			this.pass();
		}
	}

	/** What came is none of a desktop's. */
	private broken(why: unknown): void {
		this.close();
		this.hear({ broken: why instanceof Error ? why.message : String(why) });
	}
}

/** Lets go of a painting that nobody paints. */
function drop({ video }: Painting): void {
	if (video !== undefined && "close" in video) {
		video.close();
	}
}
