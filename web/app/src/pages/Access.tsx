import { useQuery } from "@tanstack/react-query";
import { Tabs } from "radix-ui";
import { type ReactElement, useDeferredValue, useMemo, useState } from "react";
import { api } from "../api/clients";
import { problemOf } from "../api/fault";
import { cache, usePolicy, usePolicyHistory, useWhoami } from "../api/queries";
import { Editor } from "../editor/Editor";
import type { GetPolicyResponse } from "../gen/local_pb";
import type { CompareResponse } from "../gen/meaning_pb";
import { draft } from "../lib/draft";
import { changedLines, lineOf } from "../lib/policytext";
import { useStore } from "../lib/store";
import { useText } from "../text";
import { Confirm } from "../ui/Dialog";
import { List } from "../ui/List";
import { Meaning } from "../ui/Meaning";
import { Await, Badge, Button, Card, Fault, Name, Note, PageHead, Time } from "../ui/parts";
import { say } from "../ui/toast";
import { Explain } from "../ui/Explain";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export default function Access(): ReactElement {
	return <Await query={usePolicy()}>{(policy) => <Page policy={policy} />}</Await>;
}

function Page({ policy }: { policy: GetPolicyResponse }): ReactElement {
	const t = useText();
	const admin = useWhoami().data?.admin ?? false;
	const kept = useStore(draft);
	const force = useMemo(() => decoder.decode(policy.policy), [policy.policy]);
	const revision = Number(policy.revision);
	const text = kept?.text ?? force;
	const changed = kept !== undefined && kept.text !== force;
	const conflict = changed && kept.base !== revision;
	const [tab, setTab] = useState("meaning");
	const [result, setResult] = useState<{ notes: string[] } | { error: unknown }>();
	const [applying, setApplying] = useState<CompareResponse>();
	const [discarding, setDiscarding] = useState(false);
	const [busy, setBusy] = useState(false);

	const edit = (next: string): void => {
		setResult(undefined);
		draft.set(next === force ? undefined : { text: next, base: kept?.base ?? revision });
	};
	const check = async (): Promise<boolean> => {
		setBusy(true);
		try {
			const res = await api.policy.apply({ policy: encoder.encode(text), dryRun: true });
			setResult({ notes: res.notes });
			return true;
		} catch (error) {
			setResult({ error });
			return false;
		} finally {
			setBusy(false);
		}
	};
	const ask = async (): Promise<void> => {
		if (await check()) {
			try {
				setApplying(await api.meaning.compare({ policy: encoder.encode(text) }));
			} catch (error) {
				setResult({ error });
			}
		}
	};
	const wrongLine = result !== undefined && "error" in result ? lineOf(problemOf(result.error).message) : 0;
	return (
		<div className="page wide">
			<PageHead title={t.access.title} sub={t.access.sub} />
			{conflict && (
				<Note tone="warn">
					<strong>{t.access.conflictTitle}</strong>
					<div>
						<bdi>{t.access.conflict(policy.author, kept.base, revision)}</bdi>
					</div>
					<div className="bar gap-top">
						<Button
							slim
							onClick={() => {
								draft.set({ text: kept.text, base: revision });
								setTab("text");
							}}
						>
							{t.access.rebase}
						</Button>
						<Button slim look="danger" onClick={() => setDiscarding(true)}>
							{t.access.takeTheirs}
						</Button>
					</div>
				</Note>
			)}
			<div className="halves policy">
				<div>
					<Card
						flush
						title={
							<span className="with-dot">
								{t.access.editor}
								<Badge>
									{t.access.revision} {revision}
								</Badge>
								{changed && <Badge tone="warn">{t.access.changed}</Badge>}
							</span>
						}
						actions={
							<>
								{changed && (
									<Button slim look="plain" onClick={() => setDiscarding(true)}>
										{t.access.discard}
									</Button>
								)}
								<Button slim icon="check" disabled={busy} onClick={() => void check()}>
									{t.access.check}
								</Button>
								{admin && (
									<Button slim look="main" disabled={busy || !changed || conflict} onClick={() => void ask()}>
										{t.access.apply}
									</Button>
								)}
							</>
						}
					>
						<div className="editor-box">
							<Editor text={text} change={edit} label={t.access.editorLabel} wrongLine={wrongLine} />
						</div>
						<footer>
							{t.access.by}{" "}
							<strong>
								<Name>{policy.author}</Name>
							</strong>
							<Time ms={Number(policy.time)} />
							{changed && <span>· {t.access.draft}</span>}
							{!admin && <span>· {t.access.readOnly}</span>}
						</footer>
					</Card>
					{result !== undefined &&
						("error" in result ? (
							<Fault error={result.error} />
						) : (
							<Note tone="ok">
								{t.access.checkOk}
								{result.notes.map((n) => (
									<div key={n}>
										<bdi>{n}</bdi>
									</div>
								))}
							</Note>
						))}
				</div>
				<div>
					<section className="card">
						<Tabs.Root value={tab} onValueChange={setTab}>
							<Tabs.List className="tabs inset" aria-label={t.access.title}>
								<Tabs.Trigger value="meaning">{t.access.diff}</Tabs.Trigger>
								<Tabs.Trigger value="text">{t.access.text}</Tabs.Trigger>
								<Tabs.Trigger value="explain">{t.access.explain}</Tabs.Trigger>
								<Tabs.Trigger value="history">{t.access.history}</Tabs.Trigger>
							</Tabs.List>
							<Tabs.Content value="meaning" className="pad">
								<Compared text={text} changed={changed} revision={revision} />
							</Tabs.Content>
							<Tabs.Content value="text">
								{changed ? (
									<div className="editor-box low">
										<Editor text={text} against={force} label={t.access.text} />
									</div>
								) : (
									<p className="pad dim">{t.access.same}</p>
								)}
							</Tabs.Content>
							<Tabs.Content value="explain" className="pad">
								<Explain />
							</Tabs.Content>
							<Tabs.Content value="history">
								<History />
							</Tabs.Content>
						</Tabs.Root>
					</section>
				</div>
			</div>
			{applying && (
				<Confirm
					open
					close={() => setApplying(undefined)}
					title={t.access.applyTitle}
					verb={t.access.apply}
					act={async () => {
						try {
							const base = BigInt(kept?.base ?? revision);
							const res = await api.policy.apply({ policy: encoder.encode(text), ifRevision: base });
							draft.set(undefined);
							setResult(undefined);
							say(t.access.applied(Number(res.revision)));
						} finally {
							// Whoever was quicker shows as a conflict.
							void cache.invalidateQueries({ queryKey: ["policy"] });
						}
					}}
				>
					<p>{t.access.applyWhat(applying.allowed.length, applying.denied.length, applying.devices)}</p>
					<Meaning compared={applying} />
				</Confirm>
			)}
			{discarding && (
				<Confirm
					open
					close={() => setDiscarding(false)}
					title={t.access.discardTitle}
					verb={t.access.discard}
					danger
					act={async () => {
						draft.set(undefined);
						setResult(undefined);
					}}
				>
					<p>{t.access.discardWhat(changedLines(text, force))}</p>
				</Confirm>
			)}
		</div>
	);
}

function Compared({ text, changed, revision }: { text: string; changed: boolean; revision: number }): ReactElement {
	const t = useText();
	const wanted = useDeferredValue(text);
	const compared = useQuery({
		queryKey: ["policy", "compare", revision, wanted],
		queryFn: async ({ signal }) => {
			// While somebody types, only the last is asked.
			await new Promise((done) => setTimeout(done, 350));
			signal.throwIfAborted();
			return api.meaning.compare({ policy: encoder.encode(wanted) }, { signal });
		},
		enabled: changed,
		gcTime: 10_000,
		retry: false,
	});
	if (!changed) {
		return <p className="dim">{t.access.same}</p>;
	}
	return (
		<Await query={compared} rows={3}>
			{(c) => <Meaning compared={c} />}
		</Await>
	);
}

function History(): ReactElement {
	const t = useText();
	return (
		<Await query={usePolicyHistory()}>
			{(revisions) => (
				<List
					rows={revisions}
					id={(r) => String(r.revision)}
					cells={[
						{
							header: t.access.revision,
							look: "num",
							cell: (r) => (
								<>
									{String(r.revision)} <span className="mono small dim">{r.hash.slice(0, 10)}</span>
								</>
							),
						},
						{ header: t.access.by, cell: (r) => <Name>{r.authors.join(", ")}</Name> },
						{ header: t.audit.when, cell: (r) => <Time ms={Number(r.time)} /> },
					]}
				/>
			)}
		</Await>
	);
}
