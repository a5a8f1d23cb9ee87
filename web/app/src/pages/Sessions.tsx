import { Tabs } from "radix-ui";
import { type ReactElement, useMemo } from "react";
import { useAudit, useSessions } from "../api/queries";
import { AuditAct, type AuditRecord } from "../gen/audit_pb";
import { useNarrow } from "../lib/narrow";
import { go, useRoute } from "../lib/router";
import { useText } from "../text";
import { actTone, actWord, partyName, valuesOf } from "../ui/AuditLines";
import { SessionTable } from "../ui/SessionTable";
import { Await, Badge, Button, Empty, Name, PageHead, Time } from "../ui/parts";
import { type Column, VirtualTable } from "../ui/VirtualTable";

export default function Sessions(): ReactElement {
	const t = useText();
	const tab = useRoute().args[0] === "history" ? "history" : "live";
	return (
		<div className={`page ${tab === "history" ? "tall" : ""}`}>
			<PageHead title={t.sessions.title} />
			<Tabs.Root value={tab} onValueChange={(v) => go(`#/sessions/${v}`)} className="stack grow-col">
				<Tabs.List className="tabs" aria-label={t.sessions.title}>
					<Tabs.Trigger value="live">{t.sessions.live}</Tabs.Trigger>
					<Tabs.Trigger value="history">{t.sessions.history}</Tabs.Trigger>
				</Tabs.List>
				<Tabs.Content value="live">
					<Live />
				</Tabs.Content>
				<Tabs.Content value="history" className="grow-col">
					<History />
				</Tabs.Content>
			</Tabs.Root>
		</div>
	);
}

function Live(): ReactElement {
	const t = useText();
	return (
		<section className="card">
			<Await query={useSessions()}>
				{(sessions) =>
					sessions.length === 0 ? (
						<Empty
							icon="sessions"
							title={t.sessions.empty}
							action={
								<Button icon="terminal" onClick={() => go("#/terminal")}>
									{t.terminal.new}
								</Button>
							}
						>
							{t.sessions.emptyHint}
						</Empty>
					) : (
						<SessionTable sessions={sessions} />
					)
				}
			</Await>
		</section>
	);
}

interface Row {
	id: string;
	record: AuditRecord;
	values: Map<string, string>;
}

const acts = new Set([AuditAct.SESSION_OPENED, AuditAct.SESSION_ENDED, AuditAct.SESSION_REFUSED, AuditAct.SESSION_NOTED]);

export function sessionRows(records: AuditRecord[]): Row[] {
	return records
		.filter((r) => acts.has(r.act))
		.reverse()
		.map((record) => ({
			id: String(record.sequence),
			record,
			values: new Map([...record.before, ...record.after].map((v) => [v.name, v.value])),
		}));
}

function History(): ReactElement {
	const t = useText();
	const audit = useAudit();
	const narrow = useNarrow();
	const rows = useMemo(() => sessionRows(audit.data?.records ?? []), [audit.data]);
	const columns = useMemo(
		(): Column<Row>[] => [
			{
				id: "when",
				header: t.sessions.when,
				value: (r) => Number(r.record.time),
				width: "120px",
				cell: (r) => <Time ms={Number(r.record.time)} />,
			},
			{
				id: "act",
				header: t.common.state,
				value: (r) => actWord(r.record, t),
				width: "minmax(120px, 1fr)",
				cell: (r) => <Badge tone={actTone(r.record.act)}>{actWord(r.record, t)}</Badge>,
			},
			{
				id: "who",
				header: t.sessions.technician,
				value: (r) => r.record.actors.map(partyName).join(", "),
				width: "minmax(80px, 1fr)",
				cell: (r) => <Name>{r.record.actors.map(partyName).join(", ")}</Name>,
			},
			{
				id: "device",
				header: t.sessions.device,
				value: (r) => partyName(r.record.target),
				width: "minmax(90px, 1fr)",
				hide: "s",
				cell: (r) => <Name>{partyName(r.record.target)}</Name>,
			},
			{
				id: "more",
				header: t.sessions.verb,
				width: "minmax(120px, 2fr)",
				hide: "m",
				cell: (r) => <Name>{valuesOf([...r.values].map(([name, value]) => ({ name, value }))) || r.record.reason}</Name>,
			},
		],
		[t],
	);
	return (
		<section className="card fill tall-list">
			<Await query={audit}>
				{() => (
					<VirtualTable
						rows={rows}
						columns={columns}
						label={t.sessions.history}
						narrow={narrow}
						linkless
						sorted={{ id: "when", desc: true }}
						empty={
							<Empty icon="sessions" title={t.sessions.noHistory}>
								{t.sessions.emptyHint}
							</Empty>
						}
					/>
				)}
			</Await>
		</section>
	);
}

