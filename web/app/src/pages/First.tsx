import { useQuery } from "@tanstack/react-query";
import { type ReactElement, useEffect, useState } from "react";
import { api } from "../api/clients";
import { problemOf } from "../api/fault";
import { cache } from "../api/queries";
import type { FoundResponse, WhoamiResponse } from "../gen/console_pb";
import type { CreateInviteResponse, PendingClaim } from "../gen/local_pb";
import { useAct } from "../lib/act";
import { go } from "../lib/router";
import { openTerminal } from "../term/tabs";
import { useText } from "../text";
import { inWords } from "../text/said";
import { Alone } from "../ui/Alone";
import { JoinCommand } from "../ui/InviteDialog";
import { Phrase } from "../ui/Phrase";
import { Button, Command, Copy, Fault, Loading, Note, TextField } from "../ui/parts";
import { Who } from "./Invites";

/**
 * The first minute, on a machine in no mesh:
 *
 *	found ──> keep the key ──> invite ──> approve ──> terminal
 */
export default function First({ who }: { who: WhoamiResponse }): ReactElement {
	const t = useText();
	const [founded, setFounded] = useState<FoundResponse>();
	const [kept, setKept] = useState(false);
	const [admitted, setAdmitted] = useState<{ id: string; name: string }>();
	const [asking, setAsking] = useState(false);
	const toInvite = kept || (founded === undefined && who.founded);
	const step = admitted !== undefined ? 4 : toInvite ? (asking ? 3 : 2) : founded !== undefined ? 1 : 0;
	return (
		<Alone>
			<ol className="steps" aria-label={t.first.title}>
				{t.first.steps.map((s, i) => (
					<li key={s} aria-current={i === step ? "step" : undefined} className={i < step ? "past" : ""}>
						{s}
					</li>
				))}
			</ol>
			{step === 0 && <Found suggested={who.suggested} founded={setFounded} />}
			{step === 1 && founded && <Recovery founded={founded} kept={() => setKept(true)} />}
			{(step === 2 || step === 3) && <Bring admitted={setAdmitted} asks={setAsking} />}
			{step === 4 && admitted && <Last device={admitted} />}
			{step >= 2 && (
				<a className="dim small" href="#/">
					{t.first.skip}
				</a>
			)}
		</Alone>
	);
}

function Found({ suggested, founded }: { suggested: string; founded: (f: FoundResponse) => void }): ReactElement {
	const t = useText();
	const [mesh, setMesh] = useState("");
	const [node, setNode] = useState("");
	const { busy, error, run } = useAct();
	const found = async (): Promise<void> => {
		const res = await api.found.found({ mesh: mesh.trim(), node: node.trim() });
		go("#/first");
		founded(res);
		void cache.invalidateQueries();
	};
	return (
		<form className="stack" onSubmit={(e) => (e.preventDefault(), void run(found))}>
			<h1>{t.first.title}</h1>
			<p>{t.first.what}</p>
			<TextField
				label={t.first.mesh}
				note={t.first.meshNote}
				value={mesh}
				set={setMesh}
				placeholder="acme"
				autoFocus
				required
			/>
			<TextField label={t.first.node} note={t.first.nodeNote(suggested)} value={node} set={setNode} placeholder={suggested} />
			{error !== null && <Fault error={error} />}
			<Button type="submit" look="main" disabled={busy || mesh.trim() === ""}>
				{busy ? t.first.founding : t.first.found}
			</Button>
			<p className="small">{t.first.join}</p>
			<div className="command">
				<code>warren join LINK</code>
			</div>
		</form>
	);
}

function Recovery({ founded, kept }: { founded: FoundResponse; kept: () => void }): ReactElement {
	const t = useText();
	const [sure, setSure] = useState(false);
	return (
		<div className="stack">
			<h1>{t.first.recoveryTitle}</h1>
			<p>{t.first.recoveryWhat}</p>
			<pre className="pasted recovery" tabIndex={0}>
				{founded.recovery}
			</pre>
			<div className="bar">
				<Copy text={founded.recovery}>{t.common.copy}</Copy>
				<span className="dim small">
					<bdi>{t.first.recoveryFile(founded.recoveryFile)}</bdi>
				</span>
			</div>
			<label className="check">
				<input type="checkbox" checked={sure} onChange={(e) => setSure(e.target.checked)} />
				{t.first.kept}
			</label>
			<Button look="main" disabled={!sure} onClick={kept}>
				{t.first.goOn}
			</Button>
		</div>
	);
}

function Bring(props: {
	admitted: (d: { id: string; name: string }) => void;
	asks: (somebody: boolean) => void;
}): ReactElement {
	const t = useText();
	// The node starts in its new mesh meanwhile; the invite is made once it leads.
	const invite = useQuery({
		queryKey: ["first invite"],
		queryFn: (): Promise<CreateInviteResponse> =>
			api.invites.create({ role: "device", uses: 1, expires: 3600n, tags: [] }),
		retry: (count, e) => count < 30 && problemOf(e).kind !== "invalid" && problemOf(e).kind !== "denied",
		retryDelay: 700,
	});
	const pending = useQuery({
		queryKey: ["pending"],
		queryFn: async ({ signal }) => (await api.invites.pending({}, { signal })).pending,
		refetchInterval: 1500,
	});
	const claim = pending.data?.[0];
	const somebody = claim !== undefined;
	const { asks } = props;
	useEffect(() => asks(somebody), [asks, somebody]);
	if (claim !== undefined) {
		return <Asks claim={claim} admitted={props.admitted} />;
	}
	if (invite.data === undefined) {
		return invite.error ? (
			<Fault error={invite.error} again={() => void invite.refetch()} />
		) : (
			<div>
				<p>{t.first.waitNode}</p>
				<Loading rows={3} />
			</div>
		);
	}
	return (
		<div className="stack">
			<h1>{t.first.inviteTitle}</h1>
			<p>{t.first.inviteWhat}</p>
			<JoinCommand link={invite.data.link} />
			<div role="status">
				<strong>{t.first.waiting}</strong>
				<p>{t.first.waitingWhat}</p>
			</div>
		</div>
	);
}

function Asks({ claim, admitted }: { claim: PendingClaim; admitted: (d: { id: string; name: string }) => void }): ReactElement {
	const t = useText();
	const { busy, error, run } = useAct();
	const act = (what: () => Promise<unknown>): void =>
		void run(what).then(() => cache.invalidateQueries({ queryKey: ["pending"] }));
	return (
		<div className="stack">
			<h1>
				<bdi>{t.first.approveTitle(claim.name)}</bdi>
			</h1>
			<Who claim={claim} />
			<p>{t.invites.compare}</p>
			<Phrase words={claim.phrase} big />
			{claim.warnings.map((w, i) => (
				<Note key={w} tone="warn">
					<bdi>{inWords(claim.said[i], w, t)}</bdi>
				</Note>
			))}
			{error !== null && <Fault error={error} />}
			<div className="bar">
				<Button
					look="main"
					icon="check"
					disabled={busy}
					onClick={() =>
						act(async () => {
							const res = await api.invites.approve({ id: claim.id, shown: claim.shown });
							admitted({ id: res.id, name: res.name });
						})
					}
				>
					{t.invites.approveVerb}
				</Button>
				<Button disabled={busy} onClick={() => act(() => api.invites.reject({ id: claim.id }))}>
					{t.invites.reject}
				</Button>
			</div>
		</div>
	);
}

function Last({ device }: { device: { id: string; name: string } }): ReactElement {
	const t = useText();
	const devices = useQuery({
		queryKey: ["devices"],
		queryFn: async ({ signal }) => (await api.node.devices({}, { signal })).devices,
		refetchInterval: 1500,
	});
	const up = devices.data?.find((d) => d.id === device.id)?.online ?? false;
	return (
		<div className="stack">
			<h1>
				<bdi>{t.first.terminalTitle(device.name)}</bdi>
			</h1>
			<p>{up ? t.first.terminalWhat : t.first.comingUp}</p>
			{!up && (
				<>
					<Command text="warren up" />
					<p className="small">{t.first.sudoNote}</p>
				</>
			)}
			<Button look="main" icon="terminal" disabled={!up} onClick={() => openTerminal(device.id, device.name)}>
				{t.first.open}
			</Button>
		</div>
	);
}
