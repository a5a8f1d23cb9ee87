import type { ScreenEvent } from "../gen/screen_pb";
import type { Painting } from "./unpack";

/** What a desktop is opened with, as the node reads it. */
export interface Open {
	device: string;
	verb: "view" | "control";
	display: string;
	monitor: number;
	maxWidth: number;
	maxHeight: number;
	resize: boolean;
	virtual: boolean;
}

export interface PathWord {
	kind?: string;
	via?: string;
	rttMs?: number;
}

/** What the page tells its worker. */
export type ToWorker =
	| { connect: { url: string; bearer: string; open: Open }; of: number }
	/** A frame is on the canvas: its number. */
	| { painted: number; of: number }
	/** A new bearer, which keeps what is open beyond the end of the old one. */
	| { bearer: string }
	/** A message for the device, its kind first. */
	| { send: Uint8Array }
	/** Nobody looks: what was painted is not acknowledged, so nothing new comes. */
	| { hidden: boolean }
	| { close: true };

/**
 * What the worker tells the page: of which connection, as the page counts them.
 * What is on the way when the page connects anew is of the old one.
 */
export type FromWorker = Word & { of: number };

export type Word =
	| { opened: { session: string; path?: PathWord } }
	| { path: PathWord }
	| { event: ScreenEvent["event"] }
	| { paint: Painting }
	| { noVideo: string }
	| { error: { kind?: string; message?: string; hint?: string; id?: string } }
	/** What the device sends is none of a desktop. */
	| { broken: string }
	/** In order, or not. */
	| { closed: boolean };
