import { useSyncExternalStore } from "react";

/** Where the page is: "#/devices/ID/terminal?x=y" has page "devices" and args ["ID", "terminal"]. */
export interface Route {
	page: string;
	args: string[];
	query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
	const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
	const parts = path.split("/").map(decode);
	return { page: parts[0] || "overview", args: parts.slice(1).filter(Boolean), query: new URLSearchParams(query) };
}

/** The first page of a machine of one's own is the owner's. */
export function pageOf(route: Route, ownership: string | undefined): string {
	return route.page === "overview" && ownership === "owner" ? "owner" : route.page;
}

function decode(part: string): string {
	try {
		return decodeURIComponent(part);
	} catch {
		return part;
	}
}

export function href(page: string, ...args: string[]): string {
	return `#/${[page, ...args].map(encodeURIComponent).join("/")}`;
}

export function go(to: string): void {
	location.hash = to;
}

let last = { hash: "", route: parseRoute("") };

function current(): Route {
	if (location.hash !== last.hash) {
		last = { hash: location.hash, route: parseRoute(location.hash) };
	}
	return last.route;
}

function subscribe(heard: () => void): () => void {
	addEventListener("hashchange", heard);
	return () => removeEventListener("hashchange", heard);
}

export function useRoute(): Route {
	return useSyncExternalStore(subscribe, current);
}
