import type { ToldError } from "../api/fault";
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

/** What comes of a connection. */
export type Word =
	| { opened: { session: string; path?: PathWord } }
	| { path: PathWord }
	| { event: ScreenEvent["event"] }
	| { paint: Painting }
	| { noVideo: string }
	| { error: ToldError }
	/** What the device sends is none of a desktop. */
	| { broken: string }
	/** In order, or not. */
	| { closed: boolean };

/** What the page tells its worker. */
export type ToWorker =
	/** A picture begins: which, as the page counts them. What is not done of the one before is dropped. */
	| { begin: { width: number; height: number }; of: number }
	/** A frame behind one byte. */
	| { frame: ArrayBuffer };

/** What the worker tells the page, and of which picture. */
export type FromWorker = Extract<Word, { paint: unknown } | { noVideo: unknown } | { broken: unknown }> & { of: number };
