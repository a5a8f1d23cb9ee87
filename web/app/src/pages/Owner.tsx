import { useQuery } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { api } from "../api/clients";
import { problemOf } from "../api/fault";
import { cache, useAudit, useSessions, useWhoami } from "../api/queries";
import { left } from "../api/watch";
import { AuditAct } from "../gen/audit_pb";
import { useStore } from "../lib/store";
import { useText, verbWord } from "../text";
import { AuditLines, partyName } from "../ui/AuditLines";
import { Confirm } from "../ui/Dialog";
import { List } from "../ui/List";
import { SessionTable } from "../ui/SessionTable";
import { Await, Badge, Button, Card, Empty, Name, PageHead } from "../ui/parts";
import { say } from "../ui/toast";

/** What the owner of a private device sees of it: what happens, what may happen, and the way out. */
export default function Owner(): ReactElement {
	const t = useText();
	const who = useWhoami().data;
	const sessions = useSessions();
	const [stopping, setStopping] = useState(false);
	const [leaving, setLeaving] = useState(false);
	const gone = useStore(left);
	const incoming = sessions.data?.filter((s) => s.direction === "in") ?? [];
	if (gone) {
		return (
			<section className="card">
				<Empty icon="leave" title={t.owner.left}>
					{t.owner.leftHint}
				</Empty>
			</section>
		);
	}
	return (
		<div className="page">
			<PageHead
				title={t.owner.title}
				sub={<bdi>{t.owner.sub(who?.mesh ?? "")}</bdi>}
				actions={
					incoming.length > 0 && (
						<Button look="danger" onClick={() => setStopping(true)}>
							{t.owner.stop}
						</Button>
					)
				}
			/>
			<Card title={t.owner.now} flush>
				<Await query={sessions} rows={2}>
					{() =>
						incoming.length === 0 ? (
							<Empty icon="check" title={t.owner.nobody}>
								{t.owner.nobodyHint}
							</Empty>
						) : (
							<SessionTable sessions={incoming} here />
						)
					}
				</Await>
			</Card>
			<div className="halves even">
				<div>
					<Card title={t.owner.who} flush>
						<Rights />
					</Card>
					<Card title={t.owner.seen}>
						<p className="dim">{t.owner.seenWhat}</p>
					</Card>
				</div>
				<div>
					<Card title={t.owner.log} flush>
						<Log name={who?.name ?? ""} />
					</Card>
					<Card title={t.owner.leave}>
						<div className="stack">
							<p>{t.owner.leaveWhat}</p>
							<Button look="danger" icon="leave" onClick={() => setLeaving(true)}>
								{t.owner.leave}
							</Button>
						</div>
					</Card>
				</div>
			</div>
			{leaving && (
				<Confirm
					open
					close={() => setLeaving(false)}
					title={t.owner.leaveTitle}
					verb={t.owner.leave}
					danger
					act={async () => {
						await api.node.down({ leave: true });
						left.set(true);
					}}
				>
					<p>{t.owner.leaveCount(incoming.length)}</p>
				</Confirm>
			)}
			{stopping && (
				<Confirm
					open
					close={() => setStopping(false)}
					title={t.owner.stopTitle}
					verb={t.owner.stop}
					danger
					act={async () => {
						await Promise.all(incoming.map((s) => api.sessions.end({ id: s.id })));
						say(t.owner.stopped);
						void cache.invalidateQueries({ queryKey: ["sessions"] });
					}}
				>
					<p>{t.owner.stopWhat(incoming.length)}</p>
				</Confirm>
			)}
		</div>
	);
}

function Rights(): ReactElement {
	const t = useText();
	const rights = useQuery({
		queryKey: ["policy", "rights"],
		queryFn: async ({ signal }) => (await api.meaning.rights({}, { signal })).rights,
	});
	return (
		<Await query={rights} rows={2}>
			{(list) =>
				list.length === 0 ? (
					<p className="pad">{t.owner.whoNone}</p>
				) : (
					<List
						rows={list}
						id={(r) => [r.technician, r.node, ...r.users].join(" ")}
						cells={[
							{
								header: t.sessions.technician,
								cell: (r) => (
									<span className="with-dot">
										<Name>{r.technician}</Name>
										{r.admin && <Badge tone="accent">{t.common.admin}</Badge>}
									</span>
								),
							},
							{
								header: t.owner.verbs,
								cell: (r) => (
									<span className="tags">
										{r.verbs.map((v) => (
											<Badge key={v}>{verbWord(v, t)}</Badge>
										))}
									</span>
								),
							},
							{
								header: t.sessions.user,
								cell: (r) => <Name>{r.users.map((u) => (u === "*" ? t.access.anyUser : u)).join(", ") || "–"}</Name>,
							},
						]}
					/>
				)
			}
		</Await>
	);
}

function Log({ name }: { name: string }): ReactElement {
	const t = useText();
	const audit = useAudit();
	// The log lies with the controllers, who give it to technicians.
	if (audit.error && problemOf(audit.error).kind === "denied") {
		return <p className="pad dim">{t.owner.logElsewhere}</p>;
	}
	return (
		<Await query={audit} rows={2}>
			{(log) => {
				const own = log.records.filter(
					(r) =>
						partyName(r.target) === name &&
						(r.act === AuditAct.SESSION_OPENED || r.act === AuditAct.SESSION_ENDED || r.act === AuditAct.SESSION_REFUSED || r.act === AuditAct.SESSION_NOTED),
				);
				return own.length === 0 ? (
					<p className="pad dim">{t.owner.logNone}</p>
				) : (
					<AuditLines records={own.slice(-20).reverse()} />
				);
			}}
		</Await>
	);
}
