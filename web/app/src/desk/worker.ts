import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ScreenEventSchema, ScreenInputSchema } from "../gen/screen_pb";
import type { FromWorker, ToWorker, Word } from "./talk";
import { Unpacker } from "./unpack";

/**
 * The connection, and the unpacking of frames, apart from the page.
 *
 *	page --connect, input, painted--> worker --WebSocket--> node --> device
 *	page <--events, pixels----------- worker <--frames------
 */
const scope = self as unknown as {
	onmessage: ((e: MessageEvent<ToWorker>) => void) | null;
	postMessage(m: FromWorker, transfer?: Transferable[]): void;
};

const kindEvent = 1;
const kindFrame = 3;

let socket: WebSocket | undefined;
let connection = 0; // as the page counts them
let bearer = "";
let hidden = false;
let owed: number | undefined; // the frame that is painted and not acknowledged

const say = (m: Word, carried: Transferable[] = []): void => scope.postMessage({ ...m, of: connection }, carried);

const unpacker = new Unpacker(
	(paint) => {
		const carried = paint.video ?? paint.pixels?.buffer;
		say({ paint }, carried === undefined ? [] : [carried]);
	},
	(why) => say({ noVideo: why }),
	(why) => broken(why),
);

/** What came is none of a desktop's. */
function broken(why: unknown): void {
	close();
	say({ broken: why instanceof Error ? why.message : String(why) });
}

function inputMessage(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	const out = new Uint8Array(bytes.length + 1);
	out[0] = 0x11;
	out.set(bytes, 1);
	return out;
}

function send(message: Uint8Array<ArrayBuffer>): void {
	if (socket?.readyState === WebSocket.OPEN) {
		socket.send(message);
	}
}

function acknowledge(): void {
	if (owed === undefined || hidden) {
		return;
	}
	send(inputMessage(toBinary(ScreenInputSchema, create(ScreenInputSchema, { input: { case: "ack", value: { number: owed } } }))));
	owed = undefined;
}

function binary(bytes: Uint8Array): void {
	if (bytes.length < 2) {
		throw new Error("an empty message");
	}
	const body = bytes.subarray(1);
	if (bytes[0] === kindFrame) {
		unpacker.add(body);
		return;
	}
	if (bytes[0] !== kindEvent) {
		throw new Error(`a message of kind ${bytes[0]}`);
	}
	const { event } = fromBinary(ScreenEventSchema, body);
	if (event.case === "ready") {
		unpacker.resize(event.value.width, event.value.height);
	}
	if (event.case !== undefined) {
		say({ event });
	}
}

function words(text: string): void {
	const w = JSON.parse(text) as Record<string, never>;
	for (const name of ["opened", "path", "error"]) {
		if (w[name] !== undefined) {
			say({ [name]: w[name] } as unknown as Word);
			return;
		}
	}
}

function connect(to: { url: string; bearer: string; open: object }, of: number): void {
	close();
	connection = of;
	bearer = to.bearer;
	const ws = new WebSocket(to.url, "warren.desktop.v1");
	ws.binaryType = "arraybuffer";
	ws.onopen = () => ws.send(JSON.stringify({ bearer, open: to.open }));
	ws.onmessage = (e: MessageEvent<string | ArrayBuffer>) => {
		if (ws !== socket) {
			return;
		}
		try {
			if (typeof e.data === "string") {
				words(e.data);
			} else {
				binary(new Uint8Array(e.data));
			}
		} catch (why) {
			broken(why);
		}
	};
	ws.onclose = (e) => {
		if (ws === socket) {
			socket = undefined;
			say({ closed: e.code === 1000 });
		}
	};
	socket = ws;
}

function close(): void {
	const old = socket;
	socket = undefined;
	old?.close();
	owed = undefined;
	unpacker.reset();
}

scope.onmessage = ({ data: m }) => {
	if ("connect" in m) {
		connect(m.connect, m.of);
	} else if ("painted" in m) {
		if (m.of === connection) {
			owed = m.painted;
			acknowledge();
		}
	} else if ("bearer" in m) {
		bearer = m.bearer;
		if (socket?.readyState === WebSocket.OPEN) {
			socket.send(JSON.stringify({ bearer }));
		}
	} else if ("send" in m) {
		send(inputMessage(m.send));
	} else if ("hidden" in m) {
		hidden = m.hidden;
		acknowledge();
	} else {
		close();
	}
};
