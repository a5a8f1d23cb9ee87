import { createStore } from "./store";

/** A policy somebody is writing: its text, and the revision it began from. */
export interface Draft {
	text: string;
	base: number;
}

const key = "warren.policy";

function kept(): Draft | undefined {
	try {
		const d: unknown = JSON.parse(sessionStorage.getItem(key) ?? "null");
		if (typeof d === "object" && d !== null && "text" in d && "base" in d) {
			return typeof d.text === "string" && typeof d.base === "number" ? { text: d.text, base: d.base } : undefined;
		}
	} catch {
		// What cannot be read is no draft.
	}
	return undefined;
}

/** It outlives the page: a reload, a restart of the node, a bearer that ends. */
export const draft = createStore<Draft | undefined>(kept());

draft.subscribe(() => {
	const d = draft.get();
	if (d === undefined) {
		sessionStorage.removeItem(key);
	} else {
		sessionStorage.setItem(key, JSON.stringify(d));
	}
});

/** How many lines of one text are not in the other, whichever has more of them. */
export function changedLines(a: string, b: string): number {
	const [x, y] = [a.split("\n"), b.split("\n")];
	const missing = (from: string[], other: string[]): number => {
		const counts = new Map<string, number>();
		for (const l of other) {
			counts.set(l, (counts.get(l) ?? 0) + 1);
		}
		let n = 0;
		for (const l of from) {
			const c = counts.get(l) ?? 0;
			if (c === 0) {
				n++;
			}
			counts.set(l, c - 1);
		}
		return n;
	};
	return Math.max(missing(x, y), missing(y, x));
}

/** The line that a message of the policy's reader names: "3:7: ..."; else 0. */
export function lineOf(message: string): number {
	return Number(/(?:^|\s)(\d+):\d+:/.exec(message)?.[1] ?? 0);
}
