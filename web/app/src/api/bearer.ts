import { createStore } from "../lib/store";
import { pageIn, tokenIn } from "../lib/token";
import { objectOf, toldIn } from "./fault";

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
const endKey = "warren.bearer.end";

export const access = createStore<Access>({ kind: "none" });

/** When the bearer ends, Unix milliseconds; 0 where there is none. */
export const ends = createStore(Number(sessionStorage.getItem(endKey) ?? 0));

let bearer = sessionStorage.getItem(key) ?? "";

export function currentBearer(): string {
	return bearer;
}

/** Takes the one-time token out of the address, now and whenever one comes there. */
export async function begin(): Promise<void> {
	addEventListener("hashchange", () => {
		if (tokenIn(location.hash) !== "") {
			void arrive().catch(() => undefined); // who is in stays in
		}
	});
	await arrive();
}

async function arrive(): Promise<void> {
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
	const inside = before.kind === "expired" || before.kind === "in";
	if (!inside) {
		access.set({ kind: "entering" });
	}
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
		const end = objectOf(body).expires;
		sessionStorage.setItem(endKey, String(typeof end === "number" ? end * 1000 : 0));
		ends.set(Number(sessionStorage.getItem(endKey)));
		access.set({ kind: "in" });
	} catch (e) {
		if (inside) {
			throw e;
		}
		// A tab that was in stays in: somebody may have opened a used address.
		access.set(bearer === "" ? { kind: "refused", error: e } : { kind: "in" });
	}
}

function word(body: unknown, name: string): string | undefined {
	const w = objectOf(body)[name];
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
