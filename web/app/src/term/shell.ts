import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { type ITheme, Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { access } from "../api/bearer";
import { cache } from "../api/queries";
import { shownTheme } from "../lib/settings";
import { composes } from "./compose";
import { TerminalSocket } from "./socket";
import { styleByScript } from "./styles";
import { changeTab, dropTab, type Tab, terminals } from "./tabs";

const light: ITheme = {
	background: "#ffffff",
	foreground: "#1b2130",
	cursor: "#4650c8",
	cursorAccent: "#ffffff",
	selectionBackground: "#c9cef5",
	black: "#1b2130",
	red: "#b0241c",
	green: "#11703f",
	yellow: "#855000",
	blue: "#2f4fc4",
	magenta: "#8a2f9e",
	cyan: "#0b6a78",
	white: "#dfe3ea",
	brightBlack: "#5c6675",
	brightRed: "#d5443b",
	brightGreen: "#1f8a52",
	brightYellow: "#a56a0b",
	brightBlue: "#4668e0",
	brightMagenta: "#a84bbd",
	brightCyan: "#148695",
	brightWhite: "#ffffff",
};

const dark: ITheme = {
	background: "#0b0e14",
	foreground: "#dde2ec",
	cursor: "#8d96ff",
	cursorAccent: "#0b0e14",
	selectionBackground: "#33406e",
	black: "#1b2029",
	red: "#ff8177",
	green: "#5fd39a",
	yellow: "#ecc078",
	blue: "#82a5ff",
	magenta: "#d79bee",
	cyan: "#6fd3df",
	white: "#cfd6e2",
	brightBlack: "#7d8798",
	brightRed: "#ffa39b",
	brightGreen: "#86e3b4",
	brightYellow: "#f5d6a0",
	brightBlue: "#a6bfff",
	brightMagenta: "#e6bdf6",
	brightCyan: "#9be4ec",
	brightWhite: "#ffffff",
};

styleByScript();

const encoder = new TextEncoder();
const longestWait = 15_000;
// Out of the alternate screen, and no modes that the old shell had set.
const fresh = "\x1b[?1049l\x1b[!p\x1b[?1000l\x1b[?1002l\x1b[?1006l\x1b[?2004l";

/** What the page shows of a running terminal beyond its text. */
export interface Notices {
	reopened: string;
	wasLost: string;
	refusedClip(): void;
}

/** One terminal and its connection. It lives on while other pages are shown. */
export class Shell {
	readonly term: Terminal;
	readonly find = new SearchAddon();
	private readonly fit = new FitAddon();
	private readonly host = document.createElement("div");
	private socket: TerminalSocket | undefined;
	private retry: ReturnType<typeof setTimeout> | undefined;
	private attempts = 0;
	private everOpen = false;
	private readonly unfollow: () => void;

	constructor(
		private readonly tab: Tab,
		private readonly notices: Notices,
		label: string,
	) {
		this.host.className = "term-host";
		this.term = new Terminal({
			allowProposedApi: true,
			fontFamily: 'ui-monospace, "SF Mono", "Cascadia Mono", "Noto Sans Mono", "DejaVu Sans Mono", monospace',
			fontSize: 13.5,
			lineHeight: 1.15,
			scrollback: 10_000,
			cursorBlink: false,
			minimumContrastRatio: 4.5,
			macOptionIsMeta: true,
			theme: shownTheme.get() === "dark" ? dark : light,
		});
		this.unfollow = shownTheme.subscribe(() => {
			this.term.options.theme = shownTheme.get() === "dark" ? dark : light;
		});
		this.term.loadAddon(this.fit);
		this.term.loadAddon(this.find);
		// Titles are not followed and never reported; the clipboard is the person's.
		this.term.parser.registerOscHandler(52, () => {
			this.notices.refusedClip();
			return true;
		});
		this.term.parser.registerCsiHandler({ final: "t" }, () => true);
		this.term.onData((text) => this.socket?.input(encoder.encode(text)));
		this.term.onBinary((text) => this.socket?.input(Uint8Array.from(text, (c) => c.charCodeAt(0) & 255)));
		this.term.onResize(({ cols, rows }) => this.socket?.resize(cols, rows));
		this.term.attachCustomKeyEventHandler((e) => this.key(e));
		composes(this.host, (text) => this.term.input(text));
		this.label = label;
	}

	private readonly label: string;

	/** What is composed is the browser's; Ctrl+Shift+C, and Ctrl+C over a selection, copy; the page keeps Ctrl+K and Ctrl+Shift+F. */
	private key(e: KeyboardEvent): boolean {
		if (e.key === "Alt") {
			e.preventDefault(); // Firefox opens its menu bar when it comes up
		}
		if (e.type === "keydown" && e.isComposing) {
			return false;
		}
		const ctrl = e.ctrlKey || e.metaKey;
		if (e.type !== "keydown" || !ctrl) {
			return true;
		}
		const k = e.key.toLowerCase();
		if (k === "c" && (e.shiftKey || this.term.hasSelection())) {
			e.preventDefault(); // browsers open their inspector at Ctrl+Shift+C
			if (this.term.hasSelection()) {
				this.copy();
			}
			return false;
		}
		if (k === "v" && (e.shiftKey || e.metaKey)) {
			return false;
		}
		return !((k === "f" && e.shiftKey) || (k === "k" && (e.shiftKey || e.metaKey)));
	}

	copy(): void {
		void navigator.clipboard.writeText(this.term.getSelection());
		this.term.clearSelection();
		this.term.focus();
	}

	/** Puts the terminal into the page, and connects it the first time. */
	attach(parent: HTMLElement): void {
		parent.append(this.host);
		if (this.term.element === undefined) {
			this.term.open(this.host);
			this.term.textarea?.setAttribute("aria-label", this.label);
			this.measure();
			this.connect();
		} else {
			this.measure();
		}
	}

	detach(): void {
		this.host.remove();
	}

	measure(): void {
		if (this.host.isConnected && this.host.clientWidth > 0) {
			this.fit.fit();
		}
	}

	connect(): void {
		clearTimeout(this.retry);
		this.socket?.close();
		const key = this.tab.key;
		changeTab(key, { phase: "connecting", problem: undefined, exit: undefined, retryAt: 0 });
		const socket = new TerminalSocket(
			{
				device: this.tab.device,
				user: this.tab.user,
				columns: this.term.cols,
				rows: this.term.rows,
				term: "xterm-256color",
			},
			{
				opened: (o) => {
					if (this.everOpen) {
						this.term.write(`${fresh}\r\n\x1b[2m${this.notices.reopened}\x1b[0m\r\n`);
					}
					this.everOpen = true;
					this.attempts = 0;
					changeTab(key, { phase: "open", session: o.session, osUser: o.osUser, path: pathOf(o.path) });
					socket.resize(this.term.cols, this.term.rows);
				},
				output: (bytes) => this.term.write(bytes, () => socket.wrote(bytes.length)),
				path: (p) => changeTab(key, { path: pathOf(p) }),
				exit: (code, signal) => changeTab(key, { phase: "ended", exit: { code, signal } }),
				error: (problem) => {
					const { kind } = problem;
					changeTab(key, { phase: "ended", problem });
					if (kind === "denied") {
						// Where it is the bearer that has ended, this shows it.
						void cache.invalidateQueries({ queryKey: ["whoami"] });
					}
					if (kind === "unavailable" && this.everOpen) {
						this.again();
					}
				},
				lost: () => this.again(),
			},
		);
		this.socket = socket;
	}

	private again(): void {
		this.attempts++;
		const wait = Math.min(1000 * 1.6 ** (this.attempts - 1), longestWait);
		changeTab(this.tab.key, { phase: "lost", retryAt: Date.now() + wait });
		this.retry = setTimeout(() => {
			// Without a way in there is nothing to try.
			if (access.get().kind === "in") {
				this.connect();
			} else {
				this.again();
			}
		}, wait);
	}

	dispose(): void {
		clearTimeout(this.retry);
		this.unfollow();
		this.socket?.close();
		this.term.dispose();
		this.host.remove();
	}
}

function pathOf(p: { kind?: string; via?: string; rttMs?: number } | undefined): Tab["path"] {
	return p === undefined ? undefined : { kind: p.kind ?? "", via: p.via ?? "", rttMs: p.rttMs ?? 0 };
}

const shells = new Map<string, Shell>();

export function shellOf(tab: Tab, notices: Notices, label: string): Shell {
	let shell = shells.get(tab.key);
	if (shell === undefined) {
		shell = new Shell(tab, notices, label);
		shells.set(tab.key, shell);
	}
	return shell;
}

export function closeShell(key: string): void {
	shells.get(key)?.dispose();
	shells.delete(key);
	dropTab(key);
}

export function liveShells(): number {
	return terminals.get().filter((t) => t.phase === "open").length;
}
