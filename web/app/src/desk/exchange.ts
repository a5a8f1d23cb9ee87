import { clipParts, type Content, Incoming, maxClip, writeClipboard } from "./clip";
import type { Say } from "./keyboard";

/** How long after a key or a click a copy on the device is by this hand, in ms. */
const reach = 3000;

/** What the device copied last, and whether this machine's clipboard took it. */
export interface Copied {
	content: Content;
	taken: boolean;
}

/**
 * Between the two clipboards nothing moves but by the technician's hand.
 *
 *	the device copies ──> offered ── Ctrl+C before it, or a click ──> taken
 *	Ctrl+V ──> given, unless this hand copied on the device since
 */
export class Exchange {
	private readonly incoming = new Incoming();
	/** When a key or a button was pressed last, and a key that copies. */
	private handAt = -Infinity;
	private copyAt = -Infinity;
	/** Of the copy that comes: begun by this hand, by a key that copies. */
	private by = { hand: false, key: false };
	/** What the device's clipboard holds, as far as is known. */
	private there: Content | undefined;
	/** Pasting on the device means what is there, and not what is here. */
	private newest = false;
	private copied: Copied | undefined;

	constructor(
		private readonly say: Say,
		private readonly shown: (c: Copied | undefined) => void,
		private readonly write: (c: Content) => Promise<void> = writeClipboard,
		private readonly now: () => number = () => performance.now(),
	) {}

	/** Another session begins. */
	reset(): void {
		this.handAt = this.copyAt = -Infinity;
		this.there = undefined;
		this.newest = false;
		this.show(undefined);
	}

	private show(c: Copied | undefined): void {
		this.copied = c;
		this.shown(c);
	}

	/** A key or a button was pressed on the device; copies, if it is one that does. */
	hand(copies: boolean): void {
		this.handAt = this.now();
		if (copies) {
			this.copyAt = this.handAt;
		}
	}

	/** Something may have been copied on this machine since. */
	elsewhere(): void {
		this.newest = false;
	}

	/** A part of what the device has copied. */
	async came(p: { mime: string; total: number; offset: number; part: Uint8Array }): Promise<void> {
		if (p.offset === 0) {
			// By when it begins: a picture takes its time.
			const within = (at: number): boolean => this.now() - at < reach;
			this.by = { hand: within(this.handAt), key: within(this.copyAt) };
		}
		const content = this.incoming.add(p);
		if (content === undefined || (same(content, this.there) && !this.by.key)) {
			return; // a program that keeps clipboards gives back what it was given
		}
		this.there = content;
		this.newest = this.by.hand;
		this.show({ content, taken: false });
		if (this.by.key) {
			this.copyAt = -Infinity; // one key, one copy
			await this.take().catch(() => {
				// Without the focus, or too late for the browser: it stays offered.
			});
		}
	}

	/** Puts what is offered into this machine's clipboard. */
	async take(): Promise<void> {
		const c = this.copied;
		if (c === undefined) {
			return;
		}
		await this.write(c.content);
		if (c === this.copied) {
			this.newest = true;
			this.show({ content: c.content, taken: true });
		}
	}

	/** What is pasted here goes to the device, where it is not the older one. */
	pasted(c: Content): void {
		if (!this.newest && !same(c, this.there)) {
			this.give(c);
		}
	}

	/** Gives the device's clipboard a content. */
	give(c: Content): boolean {
		if (c.bytes.length === 0 || c.bytes.length > maxClip) {
			return false;
		}
		this.there = c;
		this.newest = false;
		for (const part of clipParts(c)) {
			this.say(part);
		}
		return true;
	}
}

function same(a: Content, b: Content | undefined): boolean {
	return b !== undefined && a.mime === b.mime && a.bytes.length === b.bytes.length && a.bytes.every((x, i) => x === b.bytes[i]);
}
