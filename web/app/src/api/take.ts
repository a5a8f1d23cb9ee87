import type { QueryClient } from "@tanstack/react-query";
import type { WatchResponse } from "../gen/console_pb";
import type { Device, Peer } from "../gen/local_pb";

/** Brings one message of the node into what is shown. */
export function take(cache: QueryClient, message: WatchResponse): void {
	if (message.devices.length > 0 || message.gone.length > 0) {
		cache.setQueryData<Device[]>(["devices"], (old) => old && patched(old, message.devices, message.gone));
	}
	if (message.peers.length > 0) {
		cache.setQueryData<Peer[]>(["peers"], (old) => old && patched(old, message.peers, []));
		cache.setQueryData<Device[]>(["devices"], (old) => old && reached(old, message.peers));
	}
	for (const topic of message.changed) {
		void cache.invalidateQueries({ queryKey: [topic] });
	}
}

/** Rows take the place of those with the same id; new ones go to the end. */
export function patched<T extends { id: string }>(old: T[], rows: T[], gone: string[]): T[] {
	const fresh = new Map(rows.map((r) => [r.id, r]));
	const away = new Set(gone);
	const out: T[] = [];
	for (const row of old) {
		const now = fresh.get(row.id);
		if (now !== undefined) {
			out.push(now);
			fresh.delete(row.id);
		} else if (!away.has(row.id)) {
			out.push(row);
		}
	}
	out.push(...fresh.values());
	return out;
}

function reached(devices: Device[], peers: Peer[]): Device[] {
	const by = new Map(peers.map((p) => [p.id, p]));
	return devices.map((d) => {
		const p = by.get(d.id);
		return p === undefined ? d : { ...d, online: p.online, path: p.path };
	});
}
