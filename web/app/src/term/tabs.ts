import type { Problem } from "../api/fault";
import type { Path } from "../gen/local_pb";
import { go, href } from "../lib/router";
import { createStore } from "../lib/store";

/**
 * One terminal, as the pages show it. The terminal itself lives in shell.ts,
 * which is loaded with the first of them.
 *
 *	connecting ──> open ──> ended
 *	     ^           │
 *	     └── lost <──┘   (tried again by itself)
 */
export interface Tab {
	key: string;
	/** What the node is asked for: a device's id. */
	device: string;
	name: string;
	user: string;
	phase: "connecting" | "open" | "lost" | "ended";
	osUser: string;
	session: string;
	path: Pick<Path, "kind" | "via" | "rttMs"> | undefined;
	/** How it ended, or why it did not open. */
	exit: { code: number; signal: string } | undefined;
	problem: Problem | undefined;
	/** When it is tried again, Unix milliseconds. */
	retryAt: number;
}

export const terminals = createStore<Tab[]>([]);
export const activeTerminal = createStore("");

let count = 0;

export function addTab(device: string, name: string, user: string): Tab {
	const tab: Tab = {
		key: `t${++count}`,
		device,
		name,
		user,
		phase: "connecting",
		osUser: "",
		session: "",
		path: undefined,
		exit: undefined,
		problem: undefined,
		retryAt: 0,
	};
	terminals.set([...terminals.get(), tab]);
	activeTerminal.set(tab.key);
	return tab;
}

/** Opens a terminal on the page of terminals. */
export function openTerminal(device: string, name: string, user = ""): void {
	addTab(device, name, user);
	go(href("terminal"));
}

export function changeTab(key: string, change: Partial<Tab>): void {
	terminals.set(terminals.get().map((t) => (t.key === key ? { ...t, ...change } : t)));
}

export function dropTab(key: string): void {
	const old = terminals.get();
	const at = old.findIndex((t) => t.key === key);
	const left = old.filter((t) => t.key !== key);
	terminals.set(left);
	if (activeTerminal.get() === key) {
		activeTerminal.set((left[at] ?? left[at - 1])?.key ?? "");
	}
}
