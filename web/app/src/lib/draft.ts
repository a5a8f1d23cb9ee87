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
