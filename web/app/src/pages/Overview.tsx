import { useQuery } from "@tanstack/react-query";
import type { ReactElement, ReactNode } from "react";
import { api } from "../api/clients";
import { useAudit, useDevices, usePeers, usePending, useSessions, useStatus, useWhoami } from "../api/queries";
import type { Device, StatusResponse } from "../gen/local_pb";
import { href } from "../lib/router";
import { openTerminal } from "../term/tabs";
import { roleWord, useText } from "../text";
import { AuditLines } from "../ui/AuditLines";
import { Icon, type IconName } from "../ui/Icon";
import { isDirect, isThroughMember } from "../ui/Path";
import { Await, Badge, Card, Dot, Name, Note } from "../ui/parts";

export function Overview(): ReactElement {
	return <Await query={useStatus()}>{(status) => <Loaded status={status} />}</Await>;
}

function Loaded({ status }: { status: StatusResponse }): ReactElement {
	const t = useText();
	const works = useWhoami().data?.technician !== "";
	return (
		<div className="page">
			<Health status={status} />
			<Tiles status={status} />
			<div className="halves">
				<div>
					{status.warnings.length > 0 && (
						<Card title={t.overview.warnings} flush>
							<ul className="todo">
								{status.warnings.map((w) => (
									<li key={w} className="still">
										<span className="tag warn">
											<Icon name="warn" />
										</span>
										<div>
											<bdi>{w}</bdi>
										</div>
									</li>
								))}
							</ul>
						</Card>
					)}
					<Next status={status} />
					{works && <Lately />}
				</div>
				<div>
					<ThisNode status={status} />
					<Checks />
				</div>
			</div>
		</div>
	);
}

function Lately(): ReactElement {
	const t = useText();
	return (
		<Card title={t.overview.recent} actions={<a href={href("audit")}>{t.overview.allAudit}</a>} flush>
			<Await query={useAudit()}>{(a) => <AuditLines records={a.records.slice(-7).reverse()} />}</Await>
		</Card>
	);
}

function Health({ status }: { status: StatusResponse }): ReactElement {
	const t = useText();
	const problems = status.warnings.length;
	const tone = !status.ready ? "bad" : problems > 0 ? "warn" : "ok";
	const title = { bad: t.overview.notReady, warn: t.overview.degraded, ok: t.overview.healthy }[tone];
	return (
		<div className="health">
			<div className={`sign ${tone}`}>
				<Icon name={tone === "ok" ? "check" : "warn"} size={24} />
			</div>
			<div>
				<h1>{title}</h1>
				<p>
					{tone === "ok"
						? t.overview.healthySub(status.peersOnline + 1, status.peersTotal + 1)
						: t.overview.degradedSub(Math.max(1, problems))}
				</p>
			</div>
		</div>
	);
}

function Tile(props: { to: string; what: string; big: ReactNode; more?: ReactNode; call?: boolean }): ReactElement {
	return (
		<a className={`card tile ${props.call ? "call" : ""}`} href={props.to}>
			<span className="what">{props.what}</span>
			<span className="big">{props.big}</span>
			<span className="more">{props.more}</span>
		</a>
	);
}

/** Counts this machine too, as the list of devices does. */
function Tiles({ status }: { status: StatusResponse }): ReactElement {
	const t = useText();
	const pending = usePending().data?.length ?? 0;
	const sessions = useSessions().data?.length ?? 0;
	const peers = usePeers().data ?? [];
	const direct = peers.filter((p) => isDirect(p.path?.kind ?? "")).length;
	const through = peers.filter((p) => isThroughMember(p.path?.kind ?? "")).length;
	const up = status.controllers.filter((c) => c.reachable).length;
	return (
		<div className="tiles">
			<Tile
				to={href("devices")}
				what={t.overview.devicesUp}
				big={
					<>
						{status.peersOnline + 1} <small>{t.overview.ofTotal(status.peersTotal + 1)}</small>
					</>
				}
				more={`${t.overview.direct}: ${direct}${through > 0 ? ` · ${t.overview.viaMember(through)}` : ""}`}
			/>
			<Tile
				to={href("mesh")}
				what={t.overview.controllersUp}
				big={
					<>
						{up} <small>{t.overview.ofTotal(status.controllers.length)}</small>
					</>
				}
				more={<Name>{status.leader === "" ? t.overview.noLeader : t.overview.leads(status.leader)}</Name>}
			/>
			<Tile to={href("invites")} what={t.overview.waiting} big={pending} call={pending > 0} />
			<Tile to={href("sessions")} what={t.overview.sessions} big={sessions} />
		</div>
	);
}

interface Todo {
	key: string;
	icon: IconName;
	to: string;
	title: string;
	hint: string;
	click?: () => void;
}

function useTodos(status: StatusResponse): Todo[] {
	const t = useText();
	const who = useWhoami().data;
	const pending = usePending().data?.length ?? 0;
	const devices = useDevices().data ?? [];
	const todos: Todo[] = [];
	if (pending > 0) {
		const [title, hint] = [t.overview.approveThem(pending), t.overview.approveHint];
		todos.push({ key: "approve", icon: "check", to: href("invites"), title, hint });
	}
	const others = devices.filter((d) => d.id !== who?.node && d.role === "device" && !d.revoked);
	if (others.length === 0 && who?.technician !== "") {
		todos.push({
			key: "invite",
			icon: "invites",
			to: "#/invites?make",
			title: t.overview.inviteFirst,
			hint: t.overview.inviteHint,
		});
	}
	const first = others.find((d: Device) => d.online);
	if (first !== undefined && who?.technician !== "") {
		todos.push({
			key: "terminal",
			icon: "terminal",
			to: href("terminal"),
			title: t.overview.openTerminal,
			hint: t.overview.openHint(first.name),
			click: () => openTerminal(first.id, first.name),
		});
	}
	if (status.controllers.length > 0 && status.controllers.length < 3 && who?.admin) {
		todos.push({
			key: "controllers",
			icon: "mesh",
			to: "#/invites?make=controller",
			title: t.overview.moreControllers,
			hint: t.overview.moreHint,
		});
	}
	return todos;
}

function Next({ status }: { status: StatusResponse }): ReactElement {
	const t = useText();
	const todos = useTodos(status);
	return (
		<Card title={t.overview.next} flush>
			{todos.length === 0 ? (
				<p className="pad dim">{t.overview.quiet}</p>
			) : (
				<ul className="todo">
					{todos.map((d) => (
						<li key={d.key}>
							<a href={d.to} onClick={d.click}>
								<span className="tag">
									<Icon name={d.icon} />
								</span>
								<div>
									<strong>{d.title}</strong>
									<div className="dim small">
										<bdi>{d.hint}</bdi>
									</div>
								</div>
								<Icon name="right" />
							</a>
						</li>
					))}
				</ul>
			)}
		</Card>
	);
}

function ThisNode({ status }: { status: StatusResponse }): ReactElement {
	const t = useText();
	const who = useWhoami().data;
	return (
		<Card title={t.overview.thisNode}>
			<dl className="facts">
				<dt>{t.common.name}</dt>
				<dd>
					<Name>{status.node?.name ?? ""}</Name>
				</dd>
				<dt>{t.common.role}</dt>
				<dd>
					<Badge>{roleWord(status.node?.role ?? "", t)}</Badge>
				</dd>
				<dt>{t.common.address}</dt>
				<dd className="mono small addresses">
					{status.node?.addresses.map((a) => (
						<div key={a}>{a}</div>
					))}
				</dd>
				<dt>{t.overview.revision}</dt>
				<dd className="num">{String(status.revision)}</dd>
				<dt>{t.overview.version}</dt>
				<dd>
					<Name>{who?.version ?? ""}</Name>
				</dd>
			</dl>
		</Card>
	);
}

function Checks(): ReactElement {
	const t = useText();
	const checks = useQuery({
		queryKey: ["status", "checks"],
		queryFn: async ({ signal }) => (await api.care.examine({}, { signal })).findings,
	});
	return (
		<Card title={t.overview.checks}>
			<Await query={checks} rows={3}>
				{(findings) => {
					const bad = findings.filter((f) => !f.ok);
					return bad.length === 0 ? (
						<span className="with-dot">
							<Dot tone="ok" />
							{t.overview.allChecksOk(findings.length)}
						</span>
					) : (
						<div className="stack">
							{bad.map((f) => (
								<Note key={f.check} tone="warn">
									<strong>{f.check}</strong>: <bdi>{f.detail}</bdi>
									{f.hint !== "" && (
										<div>
											{t.common.try} <code>{f.hint}</code>
										</div>
									)}
								</Note>
							))}
						</div>
					);
				}}
			</Await>
		</Card>
	);
}
