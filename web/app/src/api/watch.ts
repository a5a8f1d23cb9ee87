import { Code, ConnectError } from "@connectrpc/connect";
import type { QueryClient } from "@tanstack/react-query";
import { createStore } from "../lib/store";
import { access, expire } from "./bearer";
import { api } from "./clients";
import { take } from "./take";

/** Whether the node speaks to this page. */
export type Line = "connecting" | "live" | "lost";
export const line = createStore<Line>("connecting");

/** Whether this machine left the mesh by this page: the node ends then. */
export const left = createStore(false);

// The node shows a sign of life every 15 s.
const silence = 40_000;
const shortest = 400;
const longest = 5000;

/** Follows the node until told to stop: through its restarts, and through a new bearer. */
export async function follow(cache: QueryClient, stop: AbortSignal): Promise<void> {
	let wait = shortest;
	while (!stop.aborted) {
		if (access.get().kind !== "in") {
			await entered(stop);
			continue;
		}
		const began = Date.now();
		try {
			await listen(cache, stop);
		} catch (e) {
			// Whatever else it was: it shows as "lost", and is tried again.
			if (e instanceof ConnectError && e.code === Code.Unauthenticated) {
				expire();
			}
		}
		if (stop.aborted) {
			return;
		}
		line.set("lost");
		wait = Date.now() - began > 10_000 ? shortest : Math.min(wait * 1.7, longest);
		await pause(wait * (0.75 + Math.random() / 2), stop);
	}
}

async function listen(cache: QueryClient, stop: AbortSignal): Promise<void> {
	const quiet = new AbortController();
	let timer = setTimeout(() => quiet.abort(), silence);
	try {
		const signal = AbortSignal.any([stop, quiet.signal]);
		for await (const message of api.console.watch({}, { signal })) {
			clearTimeout(timer);
			timer = setTimeout(() => quiet.abort(), silence);
			take(cache, message);
			if (line.get() !== "live") {
				line.set("live");
				void cache.invalidateQueries({ queryKey: ["whoami"] });
			}
		}
	} finally {
		clearTimeout(timer);
	}
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
	return new Promise((done) => {
		const over = (): void => {
			clearTimeout(timer);
			stop.removeEventListener("abort", over);
			removeEventListener("online", over);
			done();
		};
		const timer = setTimeout(over, ms);
		stop.addEventListener("abort", over);
		addEventListener("online", over);
	});
}

function entered(stop: AbortSignal): Promise<void> {
	return new Promise((done) => {
		const look = (): void => {
			if (access.get().kind === "in" || stop.aborted) {
				unsubscribe();
				stop.removeEventListener("abort", look);
				done();
			}
		};
		const unsubscribe = access.subscribe(look);
		stop.addEventListener("abort", look);
		look();
	});
}
