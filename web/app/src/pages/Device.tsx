import { Tabs } from "radix-ui";
import { type ReactElement, useEffect, useState } from "react";
import { api } from "../api/clients";
import { cache, useDevices, usePeers, useSessions, useWhoami } from "../api/queries";
import { prepareWorker } from "../desk/spare";
import type { Device as DeviceRow, Path } from "../gen/local_pb";
import { useAct } from "../lib/act";
import { deviceOf } from "../lib/named";
import { go, href } from "../lib/router";
import { useLanguage } from "../lib/settings";
import { useStore } from "../lib/store";
import { bytes, millis, whenMs } from "../lib/time";
import { addTab, openTerminal, terminals } from "../term/tabs";
import { TerminalView } from "../term/View";
import { roleWord, useText } from "../text";
import { inWords } from "../text/said";
import { Confirm } from "../ui/Dialog";
import { PathBadge } from "../ui/Path";
import { SessionTable } from "../ui/SessionTable";
import { Await, Badge, Button, Card, Copy, Dot, Empty, Fault, Name, Note, PageHead, Time } from "../ui/parts";
import { UserField } from "../ui/UserField";
import { say } from "../ui/toast";
import { Desktop } from "./later";

const tabs = ["facts", "path", "sessions", "terminal", "desktop"];

export default function Device({ args }: { args: string[] }): ReactElement {
	const t = useText();
	return (
		<Await query={useDevices()}>
			{(devices) => {
				const device = deviceOf(devices, args[0]);
				return device === undefined ? (
					<Empty icon="devices" title={t.device.notFound} action={<a href={href("devices")}>{t.device.allDevices}</a>}>
						{t.device.notFoundHint}
					</Empty>
				) : (
					<Page device={device} tab={tabs.find((tab) => tab === args[1]) ?? "facts"} />
				);
			}}
		</Await>
	);
}

function Page({ device: d, tab }: { device: DeviceRow; tab: string }): ReactElement {
	const t = useText();
	const who = useWhoami().data;
	const [revoking, setRevoking] = useState(false);
	const self = d.id === who?.node;
	const works = who?.technician !== "";
	const near = works && !self && !d.revoked && d.online;
	useEffect(() => {
		if (near) {
			// One click away: it is there by then.
			void Desktop.ahead();
			prepareWorker();
		}
	}, [near]);
	return (
		<div className="page">
			<PageHead
				title={
					<span className="with-dot">
						<Dot
							tone={d.revoked ? "bad" : d.online ? "ok" : "off"}
							label={d.revoked ? t.common.revoked : d.online ? t.common.online : t.common.offline}
						/>
						<Name>{d.name}</Name>
					</span>
				}
				sub={
					<span className="bar">
						<a href={href("devices")}>{t.device.allDevices}</a>
						<Badge>{roleWord(d.role, t)}</Badge>
						{d.ownership === "byod" && <Badge tone="accent">{t.device.byod}</Badge>}
						{d.revoked && <Badge tone="bad">{t.common.revoked}</Badge>}
						{d.tags.map((tag) => (
							<Badge key={tag}>{tag}</Badge>
						))}
					</span>
				}
				actions={
					works &&
					!self &&
					!d.revoked && (
						<>
							<Button look="danger" onClick={() => setRevoking(true)}>
								{t.device.revoke}
							</Button>
							<Button icon="devices" disabled={!d.online} onClick={() => go(href("devices", d.id, "desktop"))}>
								{t.desk.title}
							</Button>
							<Button look="main" icon="terminal" disabled={!d.online} onClick={() => openTerminal(d.id, d.name)}>
								{t.device.terminal}
							</Button>
						</>
					)
				}
			/>
			<Tabs.Root value={tab} onValueChange={(v) => go(href("devices", d.id, v))} className="stack">
				<Tabs.List className="tabs" aria-label={d.name}>
					<Tabs.Trigger value="facts">{t.device.facts}</Tabs.Trigger>
					<Tabs.Trigger value="path">{t.device.path}</Tabs.Trigger>
					<Tabs.Trigger value="sessions">{t.device.sessions}</Tabs.Trigger>
					{!self && <Tabs.Trigger value="terminal">{t.device.terminal}</Tabs.Trigger>}
					{!self && <Tabs.Trigger value="desktop">{t.desk.title}</Tabs.Trigger>}
				</Tabs.List>
				<Tabs.Content value="facts">
					<Facts device={d} />
				</Tabs.Content>
				<Tabs.Content value="path">
					<PathTab device={d} self={self} />
				</Tabs.Content>
				<Tabs.Content value="sessions">
					<DeviceSessions device={d} />
				</Tabs.Content>
				<Tabs.Content value="terminal">
					<DeviceTerminal device={d} />
				</Tabs.Content>
			</Tabs.Root>
			{revoking && <Revoke device={d} close={() => setRevoking(false)} />}
		</div>
	);
}

function Facts({ device: d }: { device: DeviceRow }): ReactElement {
	const t = useText();
	const language = useLanguage();
	return (
		<Card>
			<dl className="facts">
				<dt>{t.device.id}</dt>
				<dd className="bar mono small">
					<span>{d.id}</span> <Copy text={d.id} />
				</dd>
				<dt>{t.device.addresses}</dt>
				<dd className="mono small">
					{d.addresses.map((a) => (
						<div key={a}>{a}</div>
					))}
				</dd>
				<dt>{t.common.system}</dt>
				<dd>
					<Name>{d.os || "–"}</Name>
				</dd>
				<dt>{t.common.site}</dt>
				<dd>
					<Name>{d.site || "–"}</Name>
				</dd>
				<dt>{t.common.customer}</dt>
				<dd>
					<Name>{d.customer || "–"}</Name>
				</dd>
				<dt>{t.device.ownership}</dt>
				<dd>{d.ownership === "byod" ? t.device.byod : t.device.managed}</dd>
				{d.owner !== "" && (
					<>
						<dt>{t.device.owner}</dt>
						<dd>
							<Name>{d.owner}</Name>
						</dd>
					</>
				)}
				<dt>{t.device.joined}</dt>
				<dd>{whenMs(Number(d.joined) * 1000, language)}</dd>
				<dt>{t.device.expires}</dt>
				<dd>{d.expires > 0n ? <Time ms={Number(d.expires) * 1000} /> : t.common.never}</dd>
			</dl>
		</Card>
	);
}

function PathTab({ device: d, self }: { device: DeviceRow; self: boolean }): ReactElement {
	const t = useText();
	const peer = usePeers().data?.find((p) => p.id === d.id);
	const path = peer?.path ?? d.path;
	if (self) {
		return <Note>{t.device.self}</Note>;
	}
	return (
		<div className="stack">
			<Card>
				<dl className="facts">
					<dt>{t.common.path}</dt>
					<dd>
						<PathBadge path={path} />
					</dd>
					{path?.reason && (
						<>
							<dt>{t.device.why}</dt>
							<dd>
								<bdi>{inWords(path.said, path.reason, t)}</bdi>
							</dd>
						</>
					)}
					<dt>{t.device.endpoint}</dt>
					<dd className="mono small">{path?.endpoint || "–"}</dd>
					<dt>{t.common.since}</dt>
					<dd>
						<Time ms={Number(path?.since ?? 0)} />
					</dd>
					{peer !== undefined && (
						<>
							<dt>{t.device.traffic}</dt>
							<dd className="num">
								{bytes(Number(peer.rxBytes), t.common.decimal)} {t.device.received} · {bytes(Number(peer.txBytes), t.common.decimal)} {t.device.sent}
							</dd>
						</>
					)}
				</dl>
			</Card>
			<Ping device={d} />
		</div>
	);
}

interface Pong {
	at: number;
	ok: boolean;
	rtt: number;
	path: Path | undefined;
}

function Ping({ device }: { device: DeviceRow }): ReactElement {
	const t = useText();
	const [pongs, setPongs] = useState<Pong[]>([]);
	const { busy, error, run } = useAct();
	const ping = async (): Promise<void> => {
		setPongs([]);
		for await (const p of api.node.ping({ device: device.id, count: 5 })) {
			setPongs((old) => [...old, { at: Date.now(), ok: p.ok, rtt: p.rttMs, path: p.path }]);
		}
	};
	const longest = Math.max(1, ...pongs.map((p) => p.rtt));
	return (
		<Card
			title={t.device.ping}
			actions={
				<Button slim icon="refresh" disabled={busy} onClick={() => void run(ping)}>
					{busy ? t.device.pinging : t.device.ping}
				</Button>
			}
		>
			{error !== null && <Fault error={error} />}
			{pongs.length === 0 && error === null && <span className="dim">–</span>}
			<ul className="pongs">
				{pongs.map((p) => (
					<li key={p.at}>
						<meter min={0} max={longest} value={p.ok ? p.rtt : 0} aria-label={t.device.rtt} />
						<span className="num">{p.ok ? millis(p.rtt, t.common.decimal) : t.device.noPong}</span>
						<PathBadge path={p.path && { ...p.path, rttMs: 0 }} />
					</li>
				))}
			</ul>
		</Card>
	);
}

function DeviceSessions({ device: d }: { device: DeviceRow }): ReactElement {
	const t = useText();
	return (
		<Card flush>
			<Await query={useSessions()}>
				{(all) => {
					const own = all.filter((s) => s.device === d.name || s.device === d.id);
					return own.length === 0 ? (
						<Empty icon="sessions" title={t.device.noSessions}>
							{t.device.noSessionsHint}
						</Empty>
					) : (
						<SessionTable sessions={own} />
					);
				}}
			</Await>
		</Card>
	);
}

function DeviceTerminal({ device: d }: { device: DeviceRow }): ReactElement {
	const t = useText();
	const tab = useStore(terminals).findLast((x) => x.device === d.id);
	const [user, setUser] = useState("");
	if (tab !== undefined) {
		return (
			<section className="card device-term">
				<TerminalView key={tab.key} tab={tab} />
			</section>
		);
	}
	return (
		<Card>
			<form
				className="stack slim-form"
				onSubmit={(e) => {
					e.preventDefault();
					addTab(d.id, d.name, user.trim());
				}}
			>
				<UserField user={user} set={setUser} />
				<Button type="submit" look="main" icon="terminal" disabled={!d.online}>
					{t.terminal.open}
				</Button>
			</form>
		</Card>
	);
}

function Revoke({ device: d, close }: { device: DeviceRow; close: () => void }): ReactElement {
	const t = useText();
	const live = useSessions().data?.filter((s) => s.device === d.name || s.device === d.id).length ?? 0;
	return (
		<Confirm
			open
			close={close}
			title={t.device.revokeTitle(d.name)}
			verb={t.device.revoke}
			danger
			reasoned
			act={async (reason) => {
				const res = await api.node.revoke({ target: d.id, reason });
				say(res.outcome === "spreading" ? t.device.spreading : t.device.revoked(res.name));
				void cache.invalidateQueries({ queryKey: ["devices"] });
			}}
		>
			<p>{t.device.revokeWhat}</p>
			<p>{t.device.revokeCount(live)}</p>
		</Confirm>
	);
}
