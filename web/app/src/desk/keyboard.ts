import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ScreenInputSchema } from "../gen/screen_pb";

export type Input = NonNullable<MessageInitShape<typeof ScreenInputSchema>["input"]>;
export type Say = (input: Input) => void;

/** What a KeyboardEvent has that counts here. */
export interface Key {
	code: string;
	key: string;
	shiftKey: boolean;
	ctrlKey: boolean;
	altKey: boolean;
	metaKey: boolean;
	isComposing: boolean;
	keyCode?: number;
	getModifierState(name: string): boolean;
}

const shift = 1;
const ctrl = 2;
const alt = 4;
const meta = 8;
const altGr = 16;
const capsLock = 32;
const numLock = 64;

export function modifiersOf(e: Key): number {
	return (
		(e.shiftKey ? shift : 0) |
		(e.ctrlKey ? ctrl : 0) |
		(e.altKey ? alt : 0) |
		(e.metaKey ? meta : 0) |
		(e.getModifierState("AltGraph") ? altGr : 0) |
		(e.getModifierState("CapsLock") ? capsLock : 0) |
		(e.getModifierState("NumLock") ? numLock : 0)
	);
}

/** The keys that bring the focus back to the page, so that the keyboard is no trap. */
export function isWayOut(e: Key): boolean {
	return e.ctrlKey && e.altKey && e.shiftKey && e.code === "KeyM";
}

/** The longest text of one message, in UTF-16 units, and the longest in all. */
const textPart = 1000;
export const longestText = 64 * 1024;

/** Text in parts that a message holds, never through a character. */
export function textParts(text: string): string[] {
	const out: string[] = [];
	let part = "";
	for (const c of text) {
		if (part.length + c.length > textPart) {
			out.push(part);
			part = "";
		}
		part += c;
	}
	return part === "" ? out : [...out, part];
}

/**
 * What a keyboard does becomes keys for the device, or text where the browser
 * has put a character together: dead keys, input methods, phones.
 *
 *	keydown ── composing, dead, unknown ──> left to the browser ──> input ──> text
 *	   └────── all others ──> key down, and up with its keyup, or with release
 */
export class Keyboard {
	/** By code: what was said to be down. */
	private readonly down = new Map<string, string>();

	constructor(
		private readonly say: Say,
		private readonly mac: boolean,
	) {}

	/** Tells whether the key went to the device, so that the browser does nothing. */
	keydown(e: Key): boolean {
		if (e.isComposing || e.key === "Dead" || e.key === "Process" || e.key === "Unidentified" || e.keyCode === 229) {
			return false;
		}
		if (e.key === "AltGraph" && this.down.has("ControlLeft")) {
			// Windows tells of AltGr as of Ctrl and Alt.
			this.up("ControlLeft", 0);
		}
		this.down.set(e.code, e.key);
		this.say({ case: "key", value: { code: e.code, key: e.key, down: true, modifiers: modifiersOf(e) } });
		return true;
	}

	keyup(e: Key): void {
		if (e.code === "CapsLock" && this.mac) {
			// A Mac tells of each press by one event.
			this.down.set(e.code, e.key);
		}
		this.up(e.code, modifiersOf(e));
		if (this.mac && e.key === "Meta") {
			// A Mac does not tell of keys that are let go while Meta is held.
			for (const code of [...this.down.keys()]) {
				if (!/^(Shift|Control|Alt|Meta)/.test(code)) {
					this.up(code, modifiersOf(e));
				}
			}
		}
	}

	private up(code: string, modifiers: number): void {
		const key = this.down.get(code);
		if (key !== undefined) {
			this.down.delete(code);
			this.say({ case: "key", value: { code, key, down: false, modifiers } });
		}
	}

	holds(): boolean {
		return this.down.size > 0;
	}

	/** A key that is pressed and let go. */
	tap(code: string, key: string): void {
		this.say({ case: "key", value: { code, key, down: true, modifiers: 0 } });
		this.say({ case: "key", value: { code, key, down: false, modifiers: 0 } });
	}

	/** What the browser has put together: an InputEvent's type and its text. */
	input(type: string, text: string | null): void {
		switch (type) {
			case "insertText":
			case "insertCompositionText":
			case "insertReplacementText":
			case "insertFromComposition":
				if (text !== null && text !== "") {
					this.type(text);
				}
				break;
			case "insertLineBreak":
			case "insertParagraph":
				this.tap("Enter", "Enter");
				break;
			case "deleteContentBackward":
				this.tap("Backspace", "Backspace");
				break;
			case "deleteContentForward":
				this.tap("Delete", "Delete");
				break;
		}
	}

	type(text: string): void {
		for (const part of textParts(text.slice(0, longestText))) {
			this.say({ case: "text", value: part });
		}
	}

	/** The page has lost the keyboard: nothing may stay down. */
	release(tell: boolean): void {
		this.down.clear();
		if (tell) {
			this.say({ case: "release", value: {} });
		}
	}
}
