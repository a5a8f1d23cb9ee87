import { access, currentBearer, ends } from "../api/bearer";
import { type Problem, toldOf } from "../api/fault";
import { cache } from "../api/queries";
import type { ScreenDisplay, ScreenEvent, ScreenNote, ScreenQuality, ScreenReady } from "../gen/screen_pb";
import { keep, kept } from "../lib/settings";
import { createStore } from "../lib/store";
import type { Said } from "../text/said";
import { Cursor } from "./cursor";
import { type Copied, Exchange } from "./exchange";
import { Hands } from "./hands";
import type { Input } from "./keyboard";
import { Line } from "./line";
import { Picture } from "./paint";
import { takeWorker } from "./spare";
import type { Painting } from "./unpack";
import type { Open, PathWord, Word } from "./talk";

export type Verb = Open["verb"];
export type Scale = "fit" | "one";
export type Mode = "auto" | "lossless" | "video";

/**
 * What the page shows of a desktop beyond its picture.
 *
 *	connecting ──> open ──> ended
 *	     ^  └─> asking ─┘ │
 *	     └─── lost <──────┘   (tried again by itself)
 */
export interface Shown {
	phase: "connecting" | "asking" | "open" | "lost" | "ended";
	verb: Verb;
	path: PathWord | undefined;
	ready: ScreenReady | undefined;
	quality: ScreenQuality | undefined;
	viewers: string[];
	/** When the consent that is asked for lapses, Unix milliseconds. */
	askedUntil: number;
	note: ScreenNote | undefined;
	problem: Problem | undefined;
	/** When it is tried again, Unix milliseconds. */
	retryAt: number;
	/** The first whole picture is painted. */
	picture: boolean;
	scale: Scale;
	mode: Mode;
	/** What may come of the picture at most, in kbit/s; 0 is no limit. */
	limit: number;
	/** Which display is looked at, or asked for: ":1"; empty is the device's choice. */
	display: string;
	/** All displays that the device has told of. */
	displays: ScreenDisplay[];
	/** The display that is looked at, or was asked for, is none of them. */
	gone: boolean;
	/** The device let this session begin. */
	begun: boolean;
	monitor: number;
	/** What the device copied last. */
	copied: Copied | undefined;
}

const longestWait = 15_000;

/** How often a display that is gone is asked for again: for a minute, as its server may only restart. */
const mostForGone = 8;

/** The limits there are to choose from, in kbit/s; 0 is none. */
export const limits = [0, 10_000, 5000, 2000, 1000, 500];

/** One desktop: its canvas, its connection, and the hands on it. */
export class Desk {
	readonly shown;
	readonly host = document.createElement("div");
	readonly canvas = document.createElement("canvas");
	readonly hands: Hands;
	private readonly line = new Line(takeWorker(), (w) => this.heard(w));
	private readonly unfollow: () => void;
	private readonly cursor: Cursor;
	private readonly picture: Picture;
	readonly clips = new Exchange(
		(input) => this.say(input),
		(copied) => this.change({ copied }),
	);
	private retry: ReturnType<typeof setTimeout> | undefined;
	private attempts = 0;
	private everOpen = false;
	/** The device has told what displays it has, in this connection. */
	private told = false;
	/** Why the device is about to end this connection. */
	private parting: Said | undefined;

	constructor(
		private readonly device: string,
		/** The display to begin with. */
		private readonly first: string,
		verb: Verb,
		label: string,
		parent: HTMLElement,
	) {
		this.shown = createStore<Shown>({
			phase: "connecting",
			verb,
			path: undefined,
			ready: undefined,
			quality: undefined,
			viewers: [],
			askedUntil: 0,
			note: undefined,
			problem: undefined,
			retryAt: 0,
			picture: false,
			scale: "fit",
			mode: "auto",
			limit: limits.find((n) => String(n) === kept("limit")) ?? 0,
			display: first,
			displays: [],
			gone: false,
			begun: false,
			monitor: 0,
			copied: undefined,
		});
		this.host.className = "desk-host";
		parent.append(this.host);
		this.canvas.className = "desk-canvas";
		this.canvas.width = this.canvas.height = 1;
		this.hands = new Hands(this.host, this.canvas, label, {
			say: (input) => {
				if (input.case === "pointer") {
					this.cursor.own();
				}
				this.say(input);
			},
			size: () => this.size(),
			live: () => this.controls(),
			clipboardIn: () => this.controls() && this.shown.get().ready?.clipboardIn === true,
			clips: this.clips,
		});
		this.cursor = new Cursor(this.host, this.canvas);
		this.picture = new Picture(this.canvas);
		document.addEventListener("visibilitychange", this.looks);
		this.unfollow = ends.subscribe(() => this.line.prolong(currentBearer()));
		this.connect();
	}

	private change(c: Partial<Shown>): void {
		this.shown.set({ ...this.shown.get(), ...c });
	}

	private size(): { width: number; height: number } | undefined {
		return this.shown.get().ready;
	}

	private controls(): boolean {
		const s = this.shown.get();
		return s.phase === "open" && s.ready?.control === true;
	}

	say(input: Input): void {
		if (this.shown.get().phase === "open") {
			this.line.say(input);
		}
	}

	private readonly looks = (): void => {
		this.line.look(document.hidden);
	};

	connect(): void {
		clearTimeout(this.retry);
		this.told = false;
		this.parting = undefined;
		const s = this.shown.get();
		this.change({ phase: "connecting", problem: undefined, begun: false, retryAt: 0, note: undefined, picture: false, viewers: [], quality: undefined });
		this.hands.letGo();
		this.clips.reset();
		const scheme = location.protocol === "https:" ? "wss:" : "ws:";
		const box = this.host.getBoundingClientRect();
		const px = (n: number): number => Math.round(n * devicePixelRatio);
		this.line.connect(`${scheme}//${location.host}/console/desktop`, currentBearer(), {
			device: this.device,
			verb: s.verb,
			display: s.display,
			monitor: s.monitor,
			maxWidth: px(box.width),
			maxHeight: px(box.height),
			resize: false,
			virtual: true,
		});
	}

	private heard(m: Word): void {
		if ("paint" in m) {
			this.painted(m.paint);
		} else if ("opened" in m) {
			this.change({ path: m.opened.path, begun: true });
		} else if ("path" in m) {
			this.change({ path: m.path });
		} else if ("event" in m) {
			this.event(m.event);
		} else if ("noVideo" in m) {
			this.choose("lossless");
		} else if ("error" in m) {
			const problem = toldOf(m.error);
			this.failed({ ...problem, said: problem.said ?? this.parting });
		} else if ("broken" in m) {
			this.failed({ kind: "internal", message: m.broken, hint: "", id: "internal/picture" });
		} else if (this.shown.get().phase !== "ended" && this.shown.get().phase !== "lost") {
			if (m.closed) {
				this.change({ phase: "ended" });
			} else {
				this.again();
			}
		}
	}

	private painted(p: Painting): void {
		this.picture.paint(p);
		this.line.painted(p.number);
		if (p.complete && !this.shown.get().picture) {
			this.change({ picture: true });
		}
	}

	private failed(problem: Problem): void {
		this.hands.letGo();
		const { displays, display } = this.shown.get();
		const gone = this.told && problem.kind === "unavailable" && !displays.some((d) => d.name === display);
		this.change({ phase: "ended", problem, gone });
		if (problem.kind === "denied") {
			// Where it is the bearer that has ended, this shows it.
			void cache.invalidateQueries({ queryKey: ["whoami"] });
		}
		if (problem.kind === "unavailable" && this.everOpen) {
			if (gone && displays.length === 0) {
				// There is none to take this one for, so it may be any.
				this.change({ display: this.first });
			}
			if (!gone || this.attempts < mostForGone) {
				this.again();
			}
		}
	}

	private again(): void {
		this.attempts++;
		const wait = Math.min(1000 * 1.6 ** (this.attempts - 1), longestWait);
		this.hands.letGo();
		this.change({ phase: "lost", retryAt: Date.now() + wait });
		this.retry = setTimeout(() => {
			// Without a way in there is nothing to try.
			if (access.get().kind === "in") {
				this.connect();
			} else {
				this.again();
			}
		}, wait);
	}

	private event(e: ScreenEvent["event"]): void {
		switch (e.case) {
			case "ready":
				this.everOpen = true;
				this.attempts = 0;
				this.told = true;
				this.picture.resize(e.value.width, e.value.height);
				// What is opened again is this one: another is the technician's choice.
				this.change({ phase: "open", ready: e.value, monitor: e.value.monitor, display: e.value.display, displays: e.value.displays, gone: false });
				if (typeof VideoDecoder === "undefined") {
					this.change({ mode: "lossless" });
				}
				if (e.value.control) {
					this.hands.begin();
				}
				this.wish();
				this.measure();
				break;
			case "displays":
				this.told = true;
				this.change({ displays: e.value.displays.map((d) => this.known(d)) });
				break;
			case "asking":
				this.change({ phase: "asking", askedUntil: Date.now() + e.value.seconds * 1000 });
				break;
			case "cursor":
				this.cursor.shape(e.value);
				break;
			case "pointer":
				this.cursor.elsewhere(e.value, this.size());
				break;
			case "viewers":
				this.change({ viewers: e.value.technicians });
				break;
			case "quality":
				this.change({ quality: e.value });
				break;
			case "ended":
				this.parting = e.value;
				break;
			case "note":
				this.change({ note: e.value });
				break;
			case "clipboard":
				void this.clips.came(e.value);
		}
	}

	/** A display whose owner is not told where nobody has agreed to a look, and was before. */
	private known(d: ScreenDisplay): ScreenDisplay {
		const before = this.shown.get().displays.find((o) => o.name === d.name);
		return d.owner === "" && before !== undefined ? before : d;
	}

	/** How the picture lies on the page. */
	measure(): void {
		const size = this.size();
		const box = this.host.getBoundingClientRect();
		if (size === undefined || box.width === 0) {
			return;
		}
		const one = 1 / devicePixelRatio;
		const scale =
			this.shown.get().scale === "one" ? one : Math.min(box.width / size.width, box.height / size.height);
		this.canvas.style.width = `${size.width * scale}px`;
		this.canvas.style.height = `${size.height * scale}px`;
		this.canvas.style.imageRendering = scale > one * 1.5 ? "pixelated" : "auto";
		this.host.classList.toggle("scrolls", this.shown.get().scale === "one");
	}

	scale(scale: Scale): void {
		this.change({ scale });
		this.measure();
	}

	choose(mode: Mode): void {
		this.change({ mode });
		this.wish();
	}

	/** Bounds what comes of the picture, here and in this browser's next desktops. */
	atMost(limit: number): void {
		keep("limit", String(limit));
		this.change({ limit });
		this.wish();
	}

	private wish(): void {
		const { mode, limit } = this.shown.get();
		this.say({ case: "quality", value: { mode, maxKbitS: limit } });
	}

	look(monitor: number): void {
		this.change({ monitor });
		const box = this.host.getBoundingClientRect();
		this.say({ case: "view", value: { monitor, width: Math.round(box.width), height: Math.round(box.height), resize: false } });
	}

	/** Fits the display itself to the window, where the device can. */
	fitDisplay(): void {
		const box = this.host.getBoundingClientRect();
		const px = (n: number): number => Math.round(n * devicePixelRatio);
		this.say({
			case: "view",
			value: { monitor: this.shown.get().monitor, width: px(box.width), height: px(box.height), resize: true },
		});
	}

	/** The note was read. */
	hush(): void {
		this.change({ note: undefined });
	}

	/** Watches only, or takes the keyboard too: another right, so another session. */
	as(verb: Verb): void {
		this.change({ verb });
		this.connect();
	}

	dispose(): void {
		clearTimeout(this.retry);
		this.unfollow();
		document.removeEventListener("visibilitychange", this.looks);
		this.hands.dispose();
		this.line.dispose();
		this.host.remove();
	}
}
