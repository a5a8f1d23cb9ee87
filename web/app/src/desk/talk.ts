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
	| { connect: { url: string; bearer: string; open: Open } }
	/** A frame is on the canvas: its number. */
	| { painted: number }
	/** A message for the device, its kind first. */
	| { send: Uint8Array }
	/** Nobody looks: what was painted is not acknowledged, so nothing new comes. */
	| { hidden: boolean }
	| { close: true };

/** What the worker tells the page. */
export type FromWorker =
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
