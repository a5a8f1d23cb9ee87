import { currentBearer, ends } from "../api/bearer";
import { type Problem, type ToldError, toldOf } from "../api/fault";

export interface Opened {
	session: string;
	osUser: string;
	path?: { kind?: string; via?: string; rttMs?: number };
}

export interface Heard {
	opened(o: Opened): void;
	output(bytes: Uint8Array): void;
	path(p: Opened["path"]): void;
	exit(code: number, signal: string): void;
	error(problem: Problem): void;
	/** The connection is gone, and neither exit nor error came before. */
	lost(): void;
}

export interface Open {
	device: string;
	user: string;
	columns: number;
	rows: number;
	term: string;
}

const part = 32 * 1024;
const inputAhead = 512 * 1024;

/**
 * The terminal's WebSocket, subprotocol warren.terminal.v1: text frames are
 * JSON words, binary frames the bytes of the terminal. The node stops sending
 * when it is a quarter MiB ahead of what acked() told.
 */
export class TerminalSocket {
	private readonly ws: WebSocket;
	private over = false;
	private readonly waiting: Uint8Array<ArrayBuffer>[] = [];
	private typed = 0;
	private taken = 0;
	private written = 0;
	private told = 0;

	constructor(open: Open, heard: Heard) {
		const scheme = location.protocol === "https:" ? "wss:" : "ws:";
		this.ws = new WebSocket(`${scheme}//${location.host}/console/terminal`, "warren.terminal.v1");
		this.ws.binaryType = "arraybuffer";
		this.ws.onopen = () => this.ws.send(JSON.stringify({ bearer: currentBearer(), open }));
		this.ws.onmessage = (e: MessageEvent<string | ArrayBuffer>) => {
			if (typeof e.data === "string") {
				this.word(e.data, heard);
			} else {
				heard.output(new Uint8Array(e.data));
			}
		};
		// A new bearer keeps what is open beyond the end of the old one.
		const unfollow = ends.subscribe(() => this.say({ bearer: currentBearer() }));
		this.ws.onclose = () => {
			unfollow();
			if (!this.over) {
				this.over = true;
				heard.lost();
			}
		};
	}

	private word(text: string, heard: Heard): void {
		const w = wordOf(text);
		if (w.opened !== undefined) {
			heard.opened(w.opened);
		} else if (w.taken !== undefined) {
			this.taken = w.taken;
			this.feed();
		} else if (w.path !== undefined) {
			heard.path(w.path);
		} else if (w.exit !== undefined) {
			this.over = true;
			heard.exit(w.exit.code ?? 0, w.exit.signal ?? "");
			this.ws.close();
		} else if (w.error !== undefined) {
			this.over = true;
			heard.error(toldOf(w.error));
			this.ws.close();
		}
	}

	/** What is pasted may be long: it goes in parts, no faster than the device takes them. */
	input(bytes: Uint8Array<ArrayBuffer>): void {
		for (let at = 0; at < bytes.length; at += part) {
			this.waiting.push(bytes.subarray(at, at + part));
		}
		this.feed();
	}

	private feed(): void {
		while (this.ws.readyState === WebSocket.OPEN && this.typed - this.taken < inputAhead) {
			const next = this.waiting.shift();
			if (next === undefined) {
				return;
			}
			this.typed += next.length;
			this.ws.send(next);
		}
	}

	resize(columns: number, rows: number): void {
		this.say({ window: { columns, rows } });
	}

	/** So many more bytes are on the screen. */
	wrote(bytes: number): void {
		this.written += bytes;
		if (this.written - this.told >= 16 * 1024) {
			this.told = this.written;
			this.say({ acked: this.written });
		}
	}

	private say(word: object): void {
		if (this.ws.readyState === WebSocket.OPEN) {
			this.ws.send(JSON.stringify(word));
		}
	}

	close(): void {
		this.over = true;
		this.ws.close();
	}
}

interface Word {
	opened?: Opened;
	taken?: number;
	path?: Opened["path"];
	exit?: { code?: number; signal?: string };
	error?: ToldError;
}

function wordOf(text: string): Word {
	try {
		const w: unknown = JSON.parse(text);
		return typeof w === "object" && w !== null ? (w as Word) : {};
	} catch {
		return {};
	}
}
