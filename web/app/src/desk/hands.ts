import { pastedContent } from "./clip";
import type { Exchange } from "./exchange";
import { Grip } from "./grip";
import { isWayOut, Keyboard, type Say } from "./keyboard";
import { Pointer, type Place } from "./pointer";

/** What the hands need of the desktop they are on. */
export interface Held {
	say: Say;
	/** The picture's size, where there is one. */
	size(): { width: number; height: number } | undefined;
	/** Input is taken. */
	live(): boolean;
	clipboardIn(): boolean;
	clips: Pick<Exchange, "hand" | "elsewhere" | "pasted">;
}

const mac = navigator.platform.startsWith("Mac");

/**
 * Keyboard, pointer and touch on a desktop. The keyboard's focus lies in a text
 * field that nobody sees, so that dead keys, input methods, pasting and the
 * keyboards of phones work as the browser has them.
 */
export class Hands {
	readonly field = document.createElement("textarea");
	private readonly keyboard: Keyboard;
	private readonly pointer: Pointer;
	private readonly grip: Grip;
	private readonly off = new AbortController();
	private pasting: ReturnType<typeof setTimeout> | undefined;

	constructor(
		private readonly host: HTMLElement,
		private readonly canvas: HTMLCanvasElement,
		label: string,
		private readonly held: Held,
	) {
		this.field.className = "desk-keys";
		this.field.setAttribute("aria-label", label);
		this.field.autocapitalize = "off";
		this.field.autocomplete = "off";
		this.field.spellcheck = false;
		host.append(canvas, this.field);
		const say: Say = (input) => {
			held.say(input);
			this.grip.changed();
		};
		this.keyboard = new Keyboard(say, mac);
		this.pointer = new Pointer(say, (dx, dy) => this.pan(dx, dy));
		this.grip = new Grip(held.say, () => this.keyboard.holds() || this.pointer.holds());
		this.listen();
	}

	/** The device takes what they do, from now on. */
	begin(): void {
		this.grip.greet();
	}

	focus(): void {
		this.field.focus({ preventScroll: true });
	}

	private listen(): void {
		const on = <K extends keyof HTMLElementEventMap>(
			el: HTMLElement,
			type: K,
			heard: (e: HTMLElementEventMap[K]) => void,
			passive = false,
		): void => el.addEventListener(type, heard, { signal: this.off.signal, passive });

		// Heard before the page's own listeners, whose turn would take time of each key.
		const key = (type: "keydown" | "keyup", heard: (e: KeyboardEvent) => void): void =>
			window.addEventListener(
				type,
				(e) => {
					if (e.target === this.field) {
						heard(e);
					}
				},
				{ signal: this.off.signal, capture: true },
			);
		key("keydown", (e) => this.keydown(e));
		key("keyup", (e) => {
			this.keyboard.keyup(e);
			if (this.held.live()) {
				e.preventDefault(); // Firefox opens its menu bar when Alt comes up
			}
		});
		on(this.field, "input", (e) => {
			const i = e as InputEvent;
			// What a composition ends with comes whole with its end.
			if (!i.isComposing && this.held.live()) {
				this.keyboard.input(i.inputType, i.data);
			}
			if (!i.isComposing) {
				this.field.value = "";
			}
		});
		on(this.field, "compositionend", (e) => {
			if (e.data !== "" && this.held.live()) {
				this.keyboard.type(e.data);
			}
			this.field.value = "";
		});
		on(this.field, "paste", (e) => void this.paste(e));
		on(this.field, "blur", () => this.letGo());

		// By the menu key it is the field's.
		for (const el of [this.canvas, this.field]) {
			on(el, "contextmenu", (e) => e.preventDefault());
		}
		// A middle click pastes what is selected on this machine, in Firefox under X11, whatever it is on.
		on(this.canvas, "auxclick", (e) => e.preventDefault());
		on(this.canvas, "wheel", (e) => {
			if (this.held.live()) {
				e.preventDefault();
				this.pointer.wheel(e);
			}
		});
		for (const type of ["pointerdown", "pointerup", "pointercancel"] as const) {
			on(this.canvas, type, (e) => this.press(e));
		}
		// The raw ones do not wait for the next frame, where the browser has them.
		const move = ("onpointerrawupdate" in window ? "pointerrawupdate" : "pointermove") as "pointermove";
		on(this.canvas, move, (e) => this.move(e), true);
		// A press that ends elsewhere ends all the same.
		window.addEventListener(
			"blur",
			() => {
				this.letGo();
				this.held.clips.elsewhere();
			},
			{ signal: this.off.signal },
		);
		for (const type of ["copy", "cut"] as const) {
			document.addEventListener(type, () => this.held.clips.elsewhere(), { signal: this.off.signal });
		}
	}

	private place(e: PointerEvent): Place | undefined {
		const size = this.held.size();
		const box = this.canvas.getBoundingClientRect();
		if (size === undefined || box.width === 0) {
			return undefined;
		}
		const clamp = (v: number, most: number): number => Math.max(0, Math.min(most - 1, Math.floor(v)));
		return {
			x: clamp(((e.clientX - box.left) * size.width) / box.width, size.width),
			y: clamp(((e.clientY - box.top) * size.height) / box.height, size.height),
		};
	}

	private press(e: PointerEvent): void {
		const at = this.place(e);
		if (e.type === "pointerdown") {
			this.focus();
			this.canvas.setPointerCapture(e.pointerId);
		}
		e.preventDefault();
		if (at === undefined || !this.held.live()) {
			return;
		}
		this.held.clips.hand(false);
		if (e.pointerType !== "touch") {
			this.pointer.at(at, e.buttons);
		} else if (e.type === "pointerdown") {
			this.pointer.fingerDown(e.pointerId, at, e.clientX, e.clientY);
		} else {
			this.pointer.fingerUp(e.pointerId, e.type === "pointercancel");
		}
	}

	private move(e: PointerEvent): void {
		const at = this.place(e);
		if (at === undefined || !this.held.live()) {
			return;
		}
		if (e.pointerType === "touch") {
			this.pointer.fingerMove(e.pointerId, at, e.clientX, e.clientY);
		} else {
			this.pointer.at(at, e.buttons);
		}
	}

	private pan(dx: number, dy: number): Place {
		const before = { x: this.host.scrollLeft, y: this.host.scrollTop };
		this.host.scrollBy(dx, dy);
		return { x: dx - (this.host.scrollLeft - before.x), y: dy - (this.host.scrollTop - before.y) };
	}

	private keydown(e: KeyboardEvent): void {
		if (isWayOut(e)) {
			e.preventDefault();
			this.letGo();
			this.host.closest(".desk-page")?.querySelector<HTMLElement>(".desk-bar button, .desk-bar select")?.focus();
			return;
		}
		if (!this.held.live()) {
			return; // the page keeps its own keys
		}
		this.held.clips.hand(isCopy(e));
		if (this.held.clipboardIn() && isPaste(e)) {
			// The browser says what is pasted, without a permission; then comes the key.
			clearTimeout(this.pasting);
			const key = copyOf(e);
			this.pasting = setTimeout(() => this.afterPaste(key), 120);
			this.waiting = key;
			return;
		}
		if (this.keyboard.keydown(e)) {
			e.preventDefault();
			e.stopPropagation(); // it is none of the page's
		}
	}

	private waiting: KeyCopy | undefined;

	private afterPaste(key: KeyCopy): void {
		clearTimeout(this.pasting);
		if (this.waiting === key && this.held.live()) {
			this.keyboard.keydown(key);
			this.keyboard.keyup(key);
		}
		this.waiting = undefined;
	}

	private async paste(e: ClipboardEvent): Promise<void> {
		e.preventDefault();
		const key = this.waiting;
		clearTimeout(this.pasting);
		const c = await pastedContent(e.clipboardData);
		if (c !== undefined && this.held.clipboardIn()) {
			this.held.clips.pasted(c);
		}
		if (key !== undefined) {
			this.afterPaste(key);
		}
	}

	/** Types a text, as if somebody did. */
	type(text: string): void {
		this.keyboard.type(text);
	}

	/** Nothing stays pressed. */
	letGo(): void {
		clearTimeout(this.pasting);
		this.waiting = undefined;
		this.pointer.release();
		this.keyboard.release(this.held.live());
		this.grip.changed();
	}

	dispose(): void {
		this.letGo();
		this.off.abort();
	}
}

type KeyCopy = ReturnType<typeof copyOf>;

/** An event is used up when its turn is over; what counts of it is not. */
function copyOf(e: KeyboardEvent) {
	const states = new Map(["AltGraph", "CapsLock", "NumLock"].map((name) => [name, e.getModifierState(name)]));
	return {
		code: e.code,
		key: e.key,
		shiftKey: e.shiftKey,
		ctrlKey: e.ctrlKey,
		altKey: e.altKey,
		metaKey: e.metaKey,
		isComposing: false,
		getModifierState: (name: string) => states.get(name) ?? false,
	};
}

function isCopy(e: KeyboardEvent): boolean {
	const letter = /^[cx]$/i.test(e.key) && (e.ctrlKey || (mac && e.metaKey)) && !e.altKey;
	return letter || (e.code === "Insert" && e.ctrlKey && !e.shiftKey) || (e.code === "Delete" && e.shiftKey && !e.ctrlKey);
}

function isPaste(e: KeyboardEvent): boolean {
	const v = e.key.toLowerCase() === "v" && (e.ctrlKey || (mac && e.metaKey)) && !e.altKey;
	return v || (e.code === "Insert" && e.shiftKey && !e.ctrlKey);
}
