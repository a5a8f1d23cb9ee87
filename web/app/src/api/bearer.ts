import { createStore } from "../lib/store";
import { pageIn, tokenIn } from "../lib/token";
import { toldIn } from "./fault";

/**
 * How this page may speak to the node.
 *
 *	none ──token──> entering ──> in ──401──> expired ──token──> entering
 *	                    └──> refused
 *
 * The bearer lies in sessionStorage: it ends with the tab, and no other
 * origin, port or user gets at it, as they would at a cookie.
 */
export type Access =
	| { kind: "none" }
	| { kind: "entering" }
	| { kind: "in" }
	| { kind: "expired" }
	| { kind: "refused"; error: unknown };

const key = "warren.bearer";

export const access = createStore<Access>({ kind: "none" });

let bearer = sessionStorage.getItem(key) ?? "";

export function currentBearer(): string {
	return bearer;
}

/** Takes the one-time token out of the address, where there is one. */
export async function begin(): Promise<void> {
	const token = tokenIn(location.hash);
	if (token !== "") {
		history.replaceState(null, "", `${location.pathname}#${pageIn(location.hash)}`);
		await enter(token);
		return;
	}
	access.set(bearer === "" ? { kind: "none" } : { kind: "in" });
}

export async function enter(token: string): Promise<void> {
	const before = access.get();
	access.set(before.kind === "expired" ? before : { kind: "entering" });
	try {
		const res = await fetch("/console/enter", {
			method: "POST",
			headers: { "Content-Type": "application/json" },
			body: JSON.stringify({ token }),
		});
		const body: unknown = await res.json().catch(() => null);
		if (!res.ok) {
			throw toldIn(body, `HTTP ${res.status}`);
		}
		const got = word(body, "bearer");
		if (got === undefined) {
			throw new Error(`HTTP ${res.status}`);
		}
		bearer = got;
		sessionStorage.setItem(key, bearer);
		access.set({ kind: "in" });
	} catch (e) {
		if (before.kind === "expired") {
			throw e;
		}
		// A tab that was in stays in: somebody may have opened a used address.
		access.set(bearer === "" ? { kind: "refused", error: e } : { kind: "in" });
	}
}

function word(body: unknown, name: string): string | undefined {
	const w = typeof body === "object" && body !== null ? (body as Record<string, unknown>)[name] : undefined;
	return typeof w === "string" ? w : undefined;
}

/** The node no longer takes the bearer. What is open stays open. */
export function expire(): void {
	if (access.get().kind === "in") {
		bearer = "";
		sessionStorage.removeItem(key);
		access.set({ kind: "expired" });
	}
}
