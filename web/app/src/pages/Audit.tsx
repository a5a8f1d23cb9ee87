import { type ReactElement, useCallback, useDeferredValue, useEffect, useMemo, useState } from "react";
import { api } from "../api/clients";
import { auditShown, useAudit } from "../api/queries";
import { AuditAct, type AuditRecord, type AuditValue, type VerifyAuditResponse } from "../gen/audit_pb";
import { Haystack } from "../lib/filter";
import { useNarrow } from "../lib/narrow";
import { useAct } from "../lib/act";
import { go, useRoute } from "../lib/router";
import { useLanguage } from "../lib/settings";
import { dayAndMinute, whenMs } from "../lib/time";
import { useText } from "../text";
import { actTone, actWord, hex, partyName, targetName, valuesOf } from "../ui/AuditLines";
import { Dialog } from "../ui/Dialog";
import { Await, Badge, Button, Empty, Fault, Name, Note, PageHead, Search } from "../ui/parts";
import { type Column, VirtualTable } from "../ui/VirtualTable";

interface Row {
	id: string;
	record: AuditRecord;
	who: string;
	target: string;
	what: string;
}

export default function Audit(): ReactElement {
	const t = useText();
	const route = useRoute();
	const language = useLanguage();
	const narrow = useNarrow();
	const audit = useAudit();
	const [filter, setFilter] = useState("");
	const [act, setAct] = useState(0);
	const [shown, setShown] = useState<Row>();
	const wanted = useDeferredValue(filter);
	const words = useMemo(
		() => new Haystack<Row>((r) => [actWord(r.record, t), r.who, r.target, r.what, r.record.reason].join("\n")),
		[t],
	);
	const all = useMemo(
		() =>
			(audit.data?.records ?? [])
				.map((record) => ({
					id: String(record.sequence),
					record,
					who: record.actors.map(partyName).filter(Boolean).join(", "),
					target: targetName(record.target, t),
					what: record.reason || valuesOf(record.after) || valuesOf(record.before),
				}))
				.reverse(),
		[audit.data, t],
	);
	const keep = useMemo(() => {
		const match = words.matcher(wanted);
		return (r: Row): boolean => (act === 0 || r.record.act === act) && match(r);
	}, [words, act, wanted]);
	const columns = useMemo(
		(): Column<Row>[] => [
			{
				id: "n",
				header: "#",
				value: (r) => Number(r.record.sequence),
				width: narrow === "s" ? "34px" : "56px",
				right: true,
				cell: (r) => (
					<a
						href={`#/audit/${r.id}`}
						aria-label={t.audit.record(Number(r.record.sequence))}
						onClick={(e) => (e.preventDefault(), setShown(r))}
					>
						{r.id}
					</a>
				),
			},
			{
				id: "when",
				header: t.audit.when,
				value: (r) => Number(r.record.time),
				width: narrow === "s" ? "104px" : "116px",
				cell: (r) => <span title={whenMs(Number(r.record.time), language)}>{dayAndMinute(Number(r.record.time), language)}</span>,
			},
			{
				id: "act",
				header: t.audit.act,
				value: (r) => actWord(r.record, t),
				width: narrow === "s" ? "minmax(150px, 1fr)" : "minmax(110px, 170px)",
				cell: (r) => <Badge tone={actTone(r.record.act)}>{actWord(r.record, t)}</Badge>,
			},
			{
				id: "who",
				header: t.audit.actor,
				value: (r) => r.who,
				width: "minmax(80px, 1fr)",
				hide: "s",
				cell: (r) => <Name>{r.who}</Name>,
			},
			{
				id: "target",
				header: t.audit.target,
				value: (r) => r.target,
				width: "minmax(80px, 1fr)",
				hide: "s",
				cell: (r) => <Name>{r.target}</Name>,
			},
			{ id: "what", header: t.audit.detail, width: "minmax(120px, 2fr)", hide: "m", cell: (r) => <Name>{r.what}</Name> },
		],
		[t, language, narrow],
	);
	return (
		<div className="page tall">
			<PageHead title={t.audit.title} sub={t.audit.sub} actions={<Verify now={route.query.has("verify")} />} />
			<div className="bar">
				<Search value={filter} set={setFilter} label={t.audit.filter} />
				<select
					className="input act-choice"
					aria-label={t.audit.act}
					value={act}
					onChange={(e) => setAct(Number(e.target.value))}
				>
					<option value={0}>{t.audit.allActs}</option>
					{t.audit.acts.map((word, i) => i > 0 && i <= AuditAct.CONTROLLER_REMOVED && <option key={word} value={i}>{word}</option>)}
				</select>
			</div>
			<section className="card fill">
				<Await query={audit}>
					{() => (
						<VirtualTable
							rows={all}
							keep={keep}
							columns={columns}
							label={t.audit.table}
							narrow={narrow}
							sorted={{ id: "n", desc: true }}
							empty={
								<Empty icon="audit" title={all.length === 0 ? t.audit.empty : t.common.noMatch}>
									{all.length === 0 ? t.audit.emptyHint : t.common.noMatchHint}
								</Empty>
							}
						/>
					)}
				</Await>
				{all.length >= auditShown && <footer className="pad dim small">{t.audit.newest(auditShown)}</footer>}
			</section>
			{shown && <Record row={shown} close={() => setShown(undefined)} />}
		</div>
	);
}

function Record({ row: { record: r, who, target }, close }: { row: Row; close: () => void }): ReactElement {
	const t = useText();
	const language = useLanguage();
	const values = (vs: AuditValue[]): ReactElement => (
		<dl className="facts">
			{vs.map((v) => (
				<div key={v.name} className="pair">
					<dt>{v.name}</dt>
					<dd>
						<bdi>{v.value}</bdi>
					</dd>
				</div>
			))}
		</dl>
	);
	return (
		<Dialog open close={close} title={`${t.audit.record(Number(r.sequence))}: ${actWord(r, t)}`}>
			<dl className="facts">
				<dt>{t.audit.when}</dt>
				<dd>{whenMs(Number(r.time), language)}</dd>
				<dt>{t.audit.actor}</dt>
				<dd>
					<bdi>{who}</bdi>
				</dd>
				<dt>{t.audit.target}</dt>
				<dd>
					<bdi>{target}</bdi>
				</dd>
				{r.reason !== "" && (
					<>
						<dt>{t.common.reason}</dt>
						<dd>
							<bdi>{r.reason}</bdi>
						</dd>
					</>
				)}
			</dl>
			{r.missing > 0n && <Note tone="warn">{t.audit.missing(Number(r.missing))}</Note>}
			{r.before.length > 0 && (
				<>
					<h3>{t.audit.before}</h3>
					{values(r.before)}
				</>
			)}
			{r.after.length > 0 && (
				<>
					<h3>{t.audit.after}</h3>
					{values(r.after)}
				</>
			)}
		</Dialog>
	);
}

function Verify({ now }: { now: boolean }): ReactElement {
	const t = useText();
	const { busy, error, run, forget } = useAct();
	const [found, setFound] = useState<VerifyAuditResponse>();
	const verify = useCallback(() => run(async () => setFound(await api.audit.verify({}))), [run]);
	useEffect(() => {
		if (now) {
			go("#/audit");
			void verify();
		}
	}, [now, verify]);
	return (
		<>
			<Button icon="check" disabled={busy} onClick={() => void verify()}>
				{busy ? t.audit.verifying : t.audit.verify}
			</Button>
			<Dialog open={found !== undefined || error !== null} close={() => (setFound(undefined), forget())} title={t.audit.verify}>
				{error !== null && <Fault error={error} />}
				{found && (
					<>
						{found.findings.length === 0 ? (
							<Note tone="ok">{t.audit.verified(Number(found.size), found.controller)}</Note>
						) : (
							<>
								<Note tone="bad">{t.audit.findings(found.findings.length)}</Note>
								<ul className="stack">
									{found.findings.map((f) => (
										<li key={`${f.first}-${f.text}`}>
											<strong className="num">
												{String(f.first)}–{String(f.last)}
											</strong>{" "}
											<bdi>{f.text}</bdi>
										</li>
									))}
								</ul>
							</>
						)}
						<p>{t.audit.compared(found.checkpoints, found.devices, Number(found.notes))}</p>
						<dl className="facts">
							<dt>{t.audit.root}</dt>
							<dd className="mono small">{hex(found.root)}</dd>
						</dl>
					</>
				)}
			</Dialog>
		</>
	);
}
