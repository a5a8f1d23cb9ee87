import type { Peer } from "../gen/local_pb";

export interface Dot {
	id: string;
	name: string;
	x: number;
	y: number;
	online: boolean;
	kind: string;
	carries: number;
}

export interface Line {
	from: string;
	to: string;
	kind: string;
}

export interface Graph {
	dots: Dot[];
	lines: Line[];
	left: number;
	size: number;
}

/** More would be a ball of wool; the table has them all. */
const most = 120;

/**
 * This node in the middle, members that carry others on an inner ring, the
 * rest around: those that go through a member stand beyond it.
 */
export function layout(peers: Peer[], self: string): Graph {
	const via = new Map<string, number>();
	for (const p of peers) {
		const through = p.path?.via ?? "";
		if (through !== "") {
			via.set(through, (via.get(through) ?? 0) + 1);
		}
	}
	const rank = (p: Peer): number => (via.has(p.name) ? 0 : p.online ? 1 : 2);
	const sorted = [...peers].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
	const shown = sorted.slice(0, most);
	const carriers = shown.filter((p) => via.has(p.name));
	const direct = shown.filter((p) => !via.has(p.name) && !(p.path?.via && via.has(p.path.via)));
	const size = 640;
	const middle = size / 2;
	const dots: Dot[] = [{ id: "", name: self, x: middle, y: middle, online: true, kind: "self", carries: 0 }];
	const lines: Line[] = [];
	const place = (p: Peer, angle: number, radius: number): void => {
		dots.push({
			id: p.id,
			name: p.name,
			x: middle + Math.cos(angle) * radius,
			y: middle + Math.sin(angle) * radius,
			online: p.online,
			kind: p.path?.kind ?? "",
			carries: via.get(p.name) ?? 0,
		});
	};
	// The circle is shared out by how many stand on each part of it.
	const slots = carriers.length > 0 ? direct.length + shown.length - direct.length : direct.length;
	const step = (2 * Math.PI) / Math.max(1, slots);
	let at = -Math.PI / 2;
	for (const c of carriers) {
		const behind = shown.filter((p) => p.path?.via === c.name && p !== c);
		const wide = step * (behind.length + 1);
		place(c, at + wide / 2, size * 0.23);
		lines.push({ from: "", to: c.id, kind: c.path?.kind ?? "" });
		behind.forEach((p, i) => {
			place(p, at + (wide * (i + 0.5)) / behind.length, size * 0.43);
			lines.push({ from: c.id, to: p.id, kind: p.path?.kind ?? "" });
		});
		at += wide;
	}
	direct.forEach((p, i) => {
		place(p, at + step * (i + 0.5), size * (shown.length > 30 && i % 2 === 1 ? 0.43 : 0.38));
		if (p.path !== undefined && p.path.kind !== "" && p.path.kind !== "none") {
			lines.push({ from: "", to: p.id, kind: p.path.kind });
		}
	});
	return { dots, lines, left: peers.length - shown.length, size };
}
