import type { Say } from "./keyboard";

/** A place in the picture, in its pixels. */
export interface Place {
	x: number;
	y: number;
}

/** DOM's buttons have the right one second and the middle one third. */
export function buttonsOf(dom: number): number {
	return (dom & 1) | ((dom & 4) >> 1) | ((dom & 2) << 1) | (dom & 24);
}

const notch = 120;

/** What a WheelEvent has that counts here; the ticks are 1/120 of a notch, the other way round. */
export interface Wheel {
	deltaX: number;
	deltaY: number;
	deltaMode: number;
	wheelDeltaX?: number;
	wheelDeltaY?: number;
}

/** A wheel's turn in 1/120 of a notch: how many lines one is, Firefox has from the system's settings. */
export function wheelOf(delta: number, mode: number, ticks?: number): number {
	if (mode === 1 && ticks !== undefined) {
		return -ticks || 0;
	}
	const notches = mode === 1 ? delta / 3 : mode === 2 ? delta * 4 : delta / 100;
	return Math.round(notches * notch);
}

/** No more moves than one in so many ms: a mouse may tell of a thousand a second. */
const pause = 8;

const right = 4;
const left = 1;
const longPress = 550;
const slop = 10;

/**
 * Pointer, wheel and touch.
 *
 *	one finger   tap: left click · hold: right click · move: drag
 *	two fingers  move: wheel, or the view where it is larger than the window
 */
export class Pointer {
	private buttons = 0;
	private last: Place = { x: 0, y: 0 };
	private toldAt = 0;
	private late: ReturnType<typeof setTimeout> | undefined;
	private readonly fingers = new Map<number, Place & { atX: number; atY: number }>();
	private hold: ReturnType<typeof setTimeout> | undefined;
	private touch: "none" | "waiting" | "dragging" | "two" | "held" = "none";
	private turned = { x: 0, y: 0 };

	constructor(
		private readonly say: Say,
		/** Scrolls the view by so many CSS pixels, and gives what it could not. */
		private readonly pan: (dx: number, dy: number) => { x: number; y: number },
		private readonly now: () => number = () => performance.now(),
	) {}

	/** A mouse or a pen is there, with these buttons held. */
	at(place: Place, domButtons: number): void {
		const buttons = buttonsOf(domButtons);
		const pressed = buttons !== this.buttons;
		this.buttons = buttons;
		this.last = place;
		clearTimeout(this.late);
		const wait = pause - (this.now() - this.toldAt);
		if (pressed || wait <= 0) {
			this.tell();
		} else {
			this.late = setTimeout(() => this.tell(), wait);
		}
	}

	private tell(): void {
		this.toldAt = this.now();
		this.say({ case: "pointer", value: { ...this.last, buttons: this.buttons } });
	}

	private press(place: Place, buttons: number): void {
		this.buttons = buttons;
		this.last = place;
		clearTimeout(this.late);
		this.tell();
	}

	wheel(w: Wheel): void {
		// Asked for first: else Firefox counts in pixels, of which a notch has any number.
		const mode = w.deltaMode;
		this.turn(wheelOf(w.deltaX, mode, w.wheelDeltaX), wheelOf(w.deltaY, mode, w.wheelDeltaY));
	}

	private turn(dx: number, dy: number): void {
		if (dx !== 0 || dy !== 0) {
			this.say({ case: "wheel", value: { dx, dy } });
		}
	}

	/** A finger comes down; x and y are where it is on the page. */
	fingerDown(id: number, place: Place, x: number, y: number): void {
		this.fingers.set(id, { ...place, atX: x, atY: y });
		clearTimeout(this.hold);
		if (this.fingers.size === 1) {
			this.touch = "waiting";
			this.hold = setTimeout(() => {
				if (this.touch === "waiting") {
					this.touch = "held";
					this.press(place, right);
					this.press(place, 0);
				}
			}, longPress);
		} else if (this.fingers.size === 2) {
			if (this.touch === "dragging") {
				this.press(this.last, 0);
			}
			this.touch = "two";
			this.turned = { x: 0, y: 0 };
		}
	}

	fingerMove(id: number, place: Place, x: number, y: number): void {
		const f = this.fingers.get(id);
		if (f === undefined) {
			return;
		}
		if (this.touch === "waiting" && Math.hypot(x - f.atX, y - f.atY) > slop) {
			clearTimeout(this.hold);
			this.touch = "dragging";
			this.press({ x: f.x, y: f.y }, left);
		}
		if (this.touch === "dragging") {
			this.buttons = left;
			this.last = place;
			this.tell();
		}
		if (this.touch === "two") {
			// Both fingers move: each counts half.
			const rest = this.pan((f.atX - x) / 2, (f.atY - y) / 2);
			this.turned.x += rest.x;
			this.turned.y += rest.y;
			if (Math.abs(this.turned.x) + Math.abs(this.turned.y) >= 4) {
				this.turn(wheelOf(this.turned.x * 2, 0), wheelOf(this.turned.y * 2, 0));
				this.turned = { x: 0, y: 0 };
			}
			this.fingers.set(id, { ...f, atX: x, atY: y });
		}
	}

	fingerUp(id: number, cancelled: boolean): void {
		const f = this.fingers.get(id);
		this.fingers.delete(id);
		clearTimeout(this.hold);
		if (f === undefined) {
			return;
		}
		if (this.touch === "waiting" && !cancelled) {
			this.press({ x: f.x, y: f.y }, left);
			this.press(this.last, 0);
		} else if (this.touch === "dragging") {
			this.press(this.last, 0);
		}
		if (this.fingers.size === 0 || this.touch !== "two") {
			this.touch = "none";
		}
	}

	holds(): boolean {
		return this.buttons !== 0;
	}

	/** Nothing is held any more. */
	release(): void {
		clearTimeout(this.late);
		clearTimeout(this.hold);
		this.fingers.clear();
		this.touch = "none";
		this.buttons = 0;
	}
}
