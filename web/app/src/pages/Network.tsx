import { Tabs } from "radix-ui";
import { type ReactElement, useMemo, useState } from "react";
import { usePeers, useWhoami } from "../api/queries";
import type { Peer } from "../gen/local_pb";
import { layout } from "../lib/graph";
import { useNarrow } from "../lib/narrow";
import { go, href, useRoute } from "../lib/router";
import { bytes, millis } from "../lib/time";
import { roleWord, useText } from "../text";
import { inWords } from "../text/said";
import { isThroughMember, PathBadge, pathWord } from "../ui/Path";
import { Await, Badge, Card, Dot, Empty, Name, PageHead, Time } from "../ui/parts";
import { type Column, VirtualTable } from "../ui/VirtualTable";

export default function Network(): ReactElement {
	const t = useText();
	const tab = useRoute().args[0] === "graph" ? "graph" : "table";
	const peers = usePeers();
	return (
		<div className={`page ${tab === "table" ? "tall" : ""}`}>
			<PageHead title={t.network.title} sub={t.network.sub} />
			<Await query={peers}>
				{(list) =>
					list.length === 0 ? (
						<section className="card">
							<Empty icon="network" title={t.network.empty}>
								{t.network.emptyHint}
							</Empty>
						</section>
					) : (
						<Tabs.Root value={tab} onValueChange={(v) => go(`#/network/${v}`)} className="stack grow-col">
							<Tabs.List className="tabs" aria-label={t.network.title}>
								<Tabs.Trigger value="table">{t.network.table}</Tabs.Trigger>
								<Tabs.Trigger value="graph">{t.network.graph}</Tabs.Trigger>
							</Tabs.List>
							<Tabs.Content value="table" className="grow-col">
								<Table peers={list} />
							</Tabs.Content>
							<Tabs.Content value="graph">
								<Graph peers={list} />
							</Tabs.Content>
						</Tabs.Root>
					)
				}
			</Await>
		</div>
	);
}

function Table({ peers }: { peers: Peer[] }): ReactElement {
	const t = useText();
	const narrow = useNarrow();
	const carried = useMemo(() => {
		const by = new Map<string, number>();
		for (const p of peers) {
			if (p.path?.via) {
				by.set(p.path.via, (by.get(p.path.via) ?? 0) + 1);
			}
		}
		return by;
	}, [peers]);
	const columns = useMemo(
		(): Column<Peer>[] => [
			{
				id: "name",
				header: t.common.name,
				value: (p) => p.name.toLowerCase(),
				width: "minmax(84px, 1.6fr)",
				cell: (p) => (
					<span className="with-dot">
						<Dot tone={p.online ? "ok" : "off"} label={p.online ? t.common.online : t.common.offline} />
						<a href={href("devices", p.id, "path")} className="name" title={p.name}>
							<bdi>{p.name}</bdi>
						</a>
					</span>
				),
			},
			{ id: "role", header: t.common.role, value: (p) => p.role, width: "104px", hide: "s", cell: (p) => <span className="dim">{roleWord(p.role, t)}</span> },
			{
				id: "path",
				header: t.common.path,
				value: (p) => p.path?.kind ?? "",
				width: "minmax(116px, 1.3fr)",
				cell: (p) => <PathBadge path={p.path} short />,
			},
			{
				id: "via",
				header: t.network.via,
				value: (p) => p.path?.via ?? "",
				width: "minmax(80px, 1fr)",
				hide: "m",
				cell: (p) =>
					carried.has(p.name) ? <Badge tone="accent">{t.network.carries(carried.get(p.name) ?? 0)}</Badge> : <Name>{p.path?.via || "–"}</Name>,
			},
			{
				id: "rtt",
				header: t.network.rtt,
				value: (p) => p.path?.rttMs || 1e9,
				width: narrow === "s" ? "62px" : "88px",
				right: true,
				cell: (p) => millis(p.path?.rttMs ?? 0, t.common.decimal),
			},
			{
				id: "endpoint",
				header: t.device.endpoint,
				width: "minmax(120px, 1.2fr)",
				hide: "m",
				cell: (p) => <span className="mono small dim">{p.path?.endpoint || (p.path !== undefined && inWords(p.path.said, p.path.reason, t)) || "–"}</span>,
			},
			{
				id: "rx",
				header: t.network.received,
				value: (p) => Number(p.rxBytes),
				width: "84px",
				hide: "m",
				right: true,
				cell: (p) => bytes(Number(p.rxBytes), t.common.decimal),
			},
			{
				id: "tx",
				header: t.network.sent,
				value: (p) => Number(p.txBytes),
				width: "84px",
				hide: "m",
				right: true,
				cell: (p) => bytes(Number(p.txBytes), t.common.decimal),
			},
			{
				id: "since",
				header: t.common.since,
				value: (p) => Number(p.path?.since ?? 0),
				width: "104px",
				hide: "s",
				cell: (p) => <Time ms={Number(p.path?.since ?? 0)} />,
			},
		],
		[t, carried, narrow],
	);
	return (
		<section className="card fill">
			<VirtualTable
				rows={peers}
				columns={columns}
				label={t.network.peers}
				narrow={narrow}
				sorted={{ id: "name", desc: false }}
				empty={<Empty icon="network" title={t.network.empty} />}
			/>
		</section>
	);
}

const lineKind = (kind: string): string => (isThroughMember(kind) ? "member" : kind === "none" || kind === "" ? "none" : "direct");

function Graph({ peers }: { peers: Peer[] }): ReactElement {
	const t = useText();
	const who = useWhoami().data;
	const self = who?.name ?? "";
	const graph = useMemo(() => layout(peers, self), [peers, self]);
	const [near, setNear] = useState("");
	const by = new Map(graph.dots.map((d) => [d.id, d]));
	const small = useNarrow() === "s";
	const labels = graph.dots.length <= (small ? 16 : 44);
	return (
		<Card
			title={
				<span className="legend">
					<span className="key direct" /> {t.network.legendDirect}
					<span className="key member" /> {t.network.legendMember}
					<span className="key none" /> {t.network.legendNone}
				</span>
			}
		>
			<svg
				className="graph"
				viewBox={`-70 0 ${graph.size + 140} ${graph.size}`}
				role="group"
				aria-label={t.network.graphLabel(peers.length)}
			>
				{graph.lines.map((l) => {
					const from = by.get(l.from);
					const to = by.get(l.to);
					return (
						from &&
						to && (
							<line
								key={`${l.from}-${l.to}`}
								className={`edge ${lineKind(l.kind)} ${near === l.to || near === l.from ? "near" : ""}`}
								x1={from.x}
								y1={from.y}
								x2={to.x}
								y2={to.y}
							/>
						)
					);
				})}
				{graph.dots.map((d) => {
					const middle = d.id === "";
					const size = middle ? 15 : d.carries > 0 ? 11 : 8;
					return (
						<a
							key={d.id}
							href={href("devices", d.id || who?.node || "", "path")}
							aria-label={middle ? d.name : `${d.name}: ${d.online ? t.common.online : t.common.offline}, ${pathWord(d.kind, t)}`}
							onMouseEnter={() => setNear(d.id)}
							onMouseLeave={() => setNear("")}
							onFocus={() => setNear(d.id)}
							onBlur={() => setNear("")}
						>
							<circle
								className={`node ${middle ? "self" : d.online ? "on" : "off"} ${d.carries > 0 ? "carrier" : ""}`}
								cx={d.x}
								cy={d.y}
								r={size}
							/>
							{(labels || near === d.id || middle || d.carries > 0) && (
								<text x={d.x} y={d.y + (d.y < graph.size / 2 - 20 && !middle ? -size - 7 : size + 17)} textAnchor="middle" className={d.y < graph.size / 2 - 20 && !middle ? "" : "under"}>
									{short(d.name, small ? 12 : 18)}
								</text>
							)}
							<title>{d.name}</title>
						</a>
					);
				})}
			</svg>
			{graph.left > 0 && <p className="dim small">{t.network.more(graph.left)}</p>}
		</Card>
	);
}

/** A name without marks of direction, cut: text in a drawing has no box that would clip it. */
function short(name: string, most: number): string {
	const plain = name.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
	const letters = [...plain];
	return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : plain;
}
