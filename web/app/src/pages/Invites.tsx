import { type ReactElement, useState } from "react";
import { api } from "../api/clients";
import { cache, useInvites, usePending, useWhoami } from "../api/queries";
import type { InviteInfo, PendingClaim } from "../gen/local_pb";
import { go, useRoute } from "../lib/router";
import { roleWord, useText } from "../text";
import { inWords } from "../text/said";
import { Confirm } from "../ui/Dialog";
import { InviteDialog } from "../ui/InviteDialog";
import { List } from "../ui/List";
import { Phrase } from "../ui/Phrase";
import { Await, Badge, Button, Card, Empty, Name, Note, PageHead, Time, type Tone } from "../ui/parts";
import { say } from "../ui/toast";

export default function Invites(): ReactElement {
	const t = useText();
	const route = useRoute();
	const who = useWhoami().data;
	const making = route.query.get("make");
	const works = who?.technician !== "";
	return (
		<div className="page">
			<PageHead
				title={t.invites.title}
				sub={t.invites.sub}
				actions={
					works && (
						<Button look="main" icon="plus" onClick={() => go("#/invites?make")}>
							{t.invites.make}
						</Button>
					)
				}
			/>
			<Pending works={works} />
			<Made works={works} />
			{making !== null && <InviteDialog role={making} close={() => go("#/invites")} />}
		</div>
	);
}

function Pending({ works }: { works: boolean }): ReactElement {
	const t = useText();
	const pending = usePending();
	const [approving, setApproving] = useState<PendingClaim>();
	const [rejecting, setRejecting] = useState<PendingClaim>();
	const refresh = (): void => {
		void cache.invalidateQueries({ queryKey: ["pending"] });
		void cache.invalidateQueries({ queryKey: ["devices"] });
		void cache.invalidateQueries({ queryKey: ["invites"] });
	};
	return (
		<Card title={t.invites.pending} flush>
			<Await query={pending} rows={2}>
				{(claims) =>
					claims.length === 0 ? (
						<Empty icon="check" title={t.invites.noPending}>
							{t.invites.noPendingHint}
						</Empty>
					) : (
						claims.map((c) => (
							<div className="claim" key={c.id}>
								<div className="stack">
									<Who claim={c} />
									<Phrase words={c.phrase} />
									{c.warnings.map((w, i) => (
										<Note key={w} tone="warn">
											<bdi>{inWords(c.said[i], w, t)}</bdi>
										</Note>
									))}
								</div>
								{works && (
									<div className="acts">
										<Button icon="close" onClick={() => setRejecting(c)}>
											{t.invites.reject}
										</Button>
										<Button look="main" icon="check" onClick={() => setApproving(c)}>
											{t.invites.approve}
										</Button>
									</div>
								)}
							</div>
						))
					)
				}
			</Await>
			{approving && (
				<Confirm
					open
					close={() => setApproving(undefined)}
					title={t.invites.approveTitle(approving.name)}
					verb={t.invites.approveVerb}
					act={async () => {
						const res = await api.invites.approve({ id: approving.id, shown: approving.shown });
						say(t.invites.approved(res.name));
						refresh();
					}}
				>
					<Who claim={approving} />
					<p>{t.invites.approveWhat}</p>
					<Phrase words={approving.phrase} big />
				</Confirm>
			)}
			{rejecting && (
				<Confirm
					open
					close={() => setRejecting(undefined)}
					title={t.invites.rejectTitle(rejecting.name)}
					verb={t.invites.reject}
					danger
					act={async () => {
						await api.invites.reject({ id: rejecting.id });
						say(t.invites.rejected(rejecting.name));
						refresh();
					}}
				>
					<p>{t.invites.rejectWhat}</p>
				</Confirm>
			)}
		</Card>
	);
}

export function Who({ claim: c }: { claim: PendingClaim }): ReactElement {
	const t = useText();
	const facts = Object.entries(t.invites.facts).filter(([k]) => c.facts[k] && (k !== "os" || !c.facts.system));
	return (
		<div className="stack">
			<div className="who">
				<strong className="name">
					<Name>{c.name}</Name>
				</strong>
				<Badge>{roleWord(c.role, t)}</Badge>
				{c.ownership === "byod" && <Badge tone="accent">{t.device.byod}</Badge>}
				{c.tags.map((tag) => (
					<Badge key={tag}>{tag}</Badge>
				))}
				<span className="dim small">
					{t.invites.from} <bdi className="mono">{c.from}</bdi> · <Time ms={Number(c.time)} />
				</span>
			</div>
			<div className="dim small">
				{facts.map(([k, word]) => (
					<span key={k} className="fact">
						{word} <Name>{c.facts[k] ?? ""}</Name>
					</span>
				))}
			</div>
		</div>
	);
}

/** What still works first, and of the others the newest. */
function newest(a: InviteInfo, b: InviteInfo): number {
	return Number(b.state === "open") - Number(a.state === "open") || Number(b.expires - a.expires);
}

const stateTones: Record<string, Tone> = { open: "ok", used: "", expired: "", revoked: "bad" };

function Made({ works }: { works: boolean }): ReactElement {
	const t = useText();
	const invites = useInvites();
	const [revoking, setRevoking] = useState<InviteInfo>();
	return (
		<Card title={t.invites.list} flush>
			<Await query={invites}>
				{(list) =>
					list.length === 0 ? (
						<Empty icon="invites" title={t.invites.none}>
							{t.invites.noneHint}
						</Empty>
					) : (
						<List
							rows={[...list].sort(newest)}
							id={(i) => i.id}
							cells={[
								{
									header: t.common.state,
									cell: (i) => <Badge tone={stateTones[i.state] ?? ""}>{t.invites.states[i.state] ?? i.state}</Badge>,
								},
								{
									header: t.invites.role,
									cell: (i) => (
										<>
											{roleWord(i.role, t)} {i.admin && <Badge tone="accent">{t.common.admin}</Badge>}
											{i.ownership === "byod" && <Badge tone="accent">BYOD</Badge>}
										</>
									),
								},
								{
									header: t.invites.uses,
									hide: "s",
									look: "num nowrap",
									cell: (i) => <span title={t.invites.used(i.used, i.uses)}>{`${i.used} / ${i.uses}`}</span>,
								},
								{
									header: t.common.tags,
									hide: "s",
									cell: (i) => (
										<span className="tags">
											{i.tags.map((tag) => (
												<Badge key={tag}>{tag}</Badge>
											))}
										</span>
									),
								},
								{ header: t.invites.by, hide: "s", cell: (i) => <Name>{i.inviter}</Name> },
								{ header: t.invites.ends, cell: (i) => (i.state === "open" ? <Time ms={Number(i.expires) * 1000} /> : "–") },
								{ header: t.device.id, hide: "m", look: "mono small dim", cell: (i) => i.id },
								{
									header: t.invites.revoke,
									acts: true,
									cell: (i) =>
										i.state === "open" &&
										works && (
											<Button slim look="danger" onClick={() => setRevoking(i)}>
												{t.invites.revoke}
											</Button>
										),
								},
							]}
						/>
					)
				}
			</Await>
			{revoking && (
				<Confirm
					open
					close={() => setRevoking(undefined)}
					title={t.invites.revokeTitle}
					verb={t.invites.revoke}
					danger
					act={async () => {
						await api.invites.revoke({ id: revoking.id });
						say(t.invites.revoked);
						void cache.invalidateQueries({ queryKey: ["invites"] });
					}}
				>
					<p>{t.invites.revokeWhat(revoking.uses - revoking.used)}</p>
				</Confirm>
			)}
		</Card>
	);
}
