import { type ReactElement, useDeferredValue, useMemo, useState } from "react";
import { useDevices, useWhoami } from "../api/queries";
import type { Device } from "../gen/local_pb";
import { Haystack } from "../lib/filter";
import { useNarrow } from "../lib/narrow";
import { go, href } from "../lib/router";
import { millis } from "../lib/time";
import { openTerminal } from "../term/tabs";
import { roleWord, useText } from "../text";
import { PathBadge } from "../ui/Path";
import { Await, Badge, Button, Dot, Empty, Name, PageHead, Search } from "../ui/parts";
import { type Column, VirtualTable } from "../ui/VirtualTable";

const words = new Haystack<Device>((d) =>
	[
		d.name,
		d.role,
		d.os,
		d.site,
		d.customer,
		d.ownership,
		d.owner,
		d.online ? "online" : "offline",
		d.revoked ? "revoked" : "",
		d.path?.kind ?? "",
		d.path?.via ?? "",
		d.id,
		...d.addresses,
		...d.tags.map((t) => `tag:${t}`),
	].join("\n"),
);

export function Devices(): ReactElement {
	return <Await query={useDevices()}>{(devices) => <Table devices={devices} />}</Await>;
}

type State = "all" | "online" | "offline";

function Table({ devices }: { devices: Device[] }): ReactElement {
	const t = useText();
	const narrow = useNarrow();
	const who = useWhoami().data;
	const [filter, setFilter] = useState("");
	const [state, setState] = useState<State>("all");
	const wanted = useDeferredValue(filter);
	const members = useMemo(() => devices.filter((d) => !d.revoked), [devices]);
	const keep = useMemo(() => {
		const match = words.matcher(wanted);
		return (d: Device): boolean => (state === "all" || d.online === (state === "online")) && match(d);
	}, [wanted, state]);
	const count = useMemo(() => members.filter(keep).length, [members, keep]);
	const columns = useColumns(who?.node ?? "", who?.technician !== "");
	return (
		<div className="page tall">
			<PageHead
				title={t.devices.title}
				sub={t.devices.shown(count, members.length)}
				actions={
					<Button look="main" icon="plus" onClick={() => go("#/invites?make")}>
						{t.devices.invite}
					</Button>
				}
			/>
			<div className="bar">
				<Search value={filter} set={setFilter} label={t.devices.filter} />
				<div className="segments" role="group" aria-label={t.common.state}>
					{(["all", "online", "offline"] as const).map((s) => (
						<button key={s} type="button" aria-pressed={state === s} onClick={() => setState(s)}>
							{{ all: t.common.all, online: t.devices.online, offline: t.devices.offline }[s]}
						</button>
					))}
				</div>
			</div>
			<section className="card fill">
				<VirtualTable
					rows={members}
					keep={keep}
					columns={columns}
					label={t.devices.table}
					narrow={narrow}
					sorted={{ id: "name", desc: false }}
					empty={
						members.length === 0 ? (
							<Empty icon="devices" title={t.devices.empty}>
								{t.devices.emptyHint}
							</Empty>
						) : (
							<Empty
								icon="search"
								title={t.common.noMatch}
								action={<Button onClick={() => (setFilter(""), setState("all"))}>{t.common.clear}</Button>}
							>
								{t.common.noMatchHint}
							</Empty>
						)
					}
				/>
			</section>
		</div>
	);
}

function useColumns(self: string, works: boolean): Column<Device>[] {
	const t = useText();
	return useMemo(
		(): Column<Device>[] => [
			{
				id: "name",
				header: t.common.name,
				value: (d) => d.name.toLowerCase(),
				width: "minmax(120px, 2.2fr)",
				cell: (d) => (
					<span className="with-dot">
						<Dot tone={d.online ? "ok" : "off"} label={d.online ? t.common.online : t.common.offline} />
						<a href={href("devices", d.id)} className="name" title={d.name}>
							<bdi>{d.name}</bdi>
						</a>
						{d.id === self && <Badge tone="accent">{t.devices.thisOne}</Badge>}
					</span>
				),
			},
			{
				id: "role",
				header: t.common.role,
				value: (d) => d.role,
				width: "104px",
				hide: "s",
				cell: (d) => <span className="dim">{roleWord(d.role, t)}</span>,
			},
			{
				id: "path",
				header: t.common.path,
				value: (d) => d.path?.kind ?? "",
				width: "minmax(110px, 1.4fr)",
				cell: (d) => <PathBadge path={d.path?.rttMs ? { ...d.path, rttMs: 0 } : d.path} />,
			},
			{
				id: "rtt",
				header: t.devices.rtt,
				value: (d) => d.path?.rttMs || 1e9,
				width: "96px",
				hide: "m",
				right: true,
				cell: (d) => millis(d.path?.rttMs ?? 0, t.common.decimal),
			},
			{
				id: "tags",
				header: t.common.tags,
				value: (d) => d.tags.join(" "),
				width: "minmax(90px, 1.3fr)",
				hide: "m",
				cell: (d) => (
					<span className="tags">
						{d.tags.map((tag) => (
							<Badge key={tag}>{tag}</Badge>
						))}
					</span>
				),
			},
			{
				id: "site",
				header: t.common.site,
				value: (d) => d.site,
				width: "minmax(70px, 1fr)",
				hide: "m",
				cell: (d) => <Name>{d.site}</Name>,
			},
			{
				id: "os",
				header: t.common.system,
				value: (d) => d.os,
				width: "88px",
				hide: "m",
				cell: (d) => <Name>{d.os || "–"}</Name>,
			},
			{
				id: "address",
				header: t.common.address,
				value: (d) => d.addresses.at(-1) ?? "",
				width: "126px",
				hide: "s",
				cell: (d) => <span className="mono small">{d.addresses.find((a) => a.includes(".")) ?? d.addresses[0] ?? ""}</span>,
			},
			{
				id: "open",
				header: "",
				width: "36px",
				right: true,
				cell: (d) =>
					d.online && works && d.id !== self ? (
						<Button
							slim
							look="plain"
							icon="terminal"
							aria-label={t.palette.openTerminal(d.name)}
							onClick={() => openTerminal(d.id, d.name)}
						/>
					) : null,
			},
		],
		[t, self, works],
	);
}
