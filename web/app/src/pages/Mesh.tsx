import { type ReactElement, useState } from "react";
import { api } from "../api/clients";
import { cache, useControllers, useDevices, useStatus, useTechnicians, useWhoami } from "../api/queries";
import type { ListedController } from "../gen/controllers_pb";
import type { Technician } from "../gen/local_pb";
import { go } from "../lib/router";
import { useText } from "../text";
import { Confirm } from "../ui/Dialog";
import { Await, Badge, Button, Card, Copy, Dot, Field, Name, Note, PageHead } from "../ui/parts";
import { complain, say } from "../ui/toast";

export default function Mesh(): ReactElement {
	const t = useText();
	const who = useWhoami().data;
	const status = useStatus().data;
	const controllers = useControllers();
	return (
		<div className="page">
			<PageHead title={t.mesh.title} sub={<Name>{who?.mesh ?? ""}</Name>} />
			<Controllers admin={who?.admin ?? false} query={controllers} />
			<Technicians admin={who?.admin ?? false} />
			<div className="halves even">
				<div>
					<Card title={t.mesh.trust}>
						<div className="stack">
							<div className="label">{t.mesh.meshId}</div>
							<div className="command">
								<code>{status?.meshId ?? ""}</code>
								<Copy text={status?.meshId ?? ""} />
							</div>
							<p className="dim small">{t.mesh.meshIdNote}</p>
						</div>
					</Card>
				</div>
				<div>
					<Card title={t.mesh.backups}>
						<div className="stack">
							<p>{t.mesh.backupsWhat}</p>
							<div className="command">
								<code>warren backup mesh.backup</code>
								<Copy text="warren backup mesh.backup" />
							</div>
							<p className="dim small">{t.mesh.recoveryWhat}</p>
						</div>
					</Card>
					{who?.technician !== "" && (
						<Card title={t.mesh.keys}>
							<p className="dim">{t.mesh.keysWhat}</p>
						</Card>
					)}
				</div>
			</div>
		</div>
	);
}

function Controllers(props: { admin: boolean; query: ReturnType<typeof useControllers> }): ReactElement {
	const t = useText();
	const [removing, setRemoving] = useState<ListedController>();
	const [adding, setAdding] = useState("");
	const add = async (c: ListedController): Promise<void> => {
		setAdding(c.id);
		try {
			await api.controllers.add({ node: c.id });
			say(t.mesh.added(c.name));
		} catch (e) {
			complain(e);
		} finally {
			setAdding("");
			void cache.invalidateQueries({ queryKey: ["controllers"] });
		}
	};
	return (
		<Card
			title={t.mesh.controllers}
			actions={
				props.admin && (
					<Button slim icon="plus" onClick={() => go("#/invites?make=controller")}>
						{t.mesh.inviteController}
					</Button>
				)
			}
			flush
		>
			<Await query={props.query}>
				{(list) => {
					const voters = list.filter((c) => c.voter).length;
					return (
						<>
							<div className="scroll-x">
								<table className="list">
									<thead>
										<tr>
											<th>{t.common.name}</th>
											<th>{t.common.state}</th>
											<th className="hide-s">{t.device.id}</th>
											<th>
												<span className="only-read">{t.mesh.remove}</span>
											</th>
										</tr>
									</thead>
									<tbody>
										{list.map((c) => (
											<tr key={c.id}>
												<td>
													<span className="with-dot">
														<Dot
															tone={c.reachable ? "ok" : "bad"}
															label={c.reachable ? t.mesh.reachable : t.mesh.unreachable}
														/>
														<Name>{c.name}</Name>
													</span>
												</td>
												<td>
													<span className="tags">
														{c.leader && <Badge tone="accent">{t.mesh.leader}</Badge>}
														<Badge tone={c.voter ? "ok" : "warn"}>{c.voter ? t.mesh.voter : t.mesh.noVote}</Badge>
														{!c.reachable && <Badge tone="bad">{t.mesh.unreachable}</Badge>}
													</span>
												</td>
												<td className="hide-s mono small dim">{c.id}</td>
												<td className="acts">
													{props.admin &&
														(c.voter ? (
															<Button slim look="danger" onClick={() => setRemoving(c)}>
																{t.mesh.remove}
															</Button>
														) : (
															<Button slim disabled={adding !== ""} onClick={() => void add(c)}>
																{t.mesh.add}
															</Button>
														))}
												</td>
											</tr>
										))}
									</tbody>
								</table>
							</div>
							{voters > 0 && (voters === 1 || voters % 2 === 0) && (
								<div className="pad">
									<Note tone="warn">{voters === 1 ? t.mesh.one : t.mesh.even}</Note>
								</div>
							)}
							{removing && <Remove controller={removing} left={voters - 1} close={() => setRemoving(undefined)} />}
						</>
					);
				}}
			</Await>
		</Card>
	);
}

function Remove(props: { controller: ListedController; left: number; close: () => void }): ReactElement {
	const t = useText();
	const [reason, setReason] = useState("");
	return (
		<Confirm
			open
			close={props.close}
			title={t.mesh.removeTitle(props.controller.name)}
			verb={t.mesh.remove}
			danger
			disabled={reason.trim() === ""}
			act={async () => {
				await api.controllers.remove({ node: props.controller.id, reason: reason.trim() });
				say(t.mesh.removed(props.controller.name));
				void cache.invalidateQueries({ queryKey: ["controllers"] });
			}}
		>
			<p>{t.mesh.removeWhat(props.left)}</p>
			<Reason reason={reason} set={setReason} />
		</Confirm>
	);
}

function Reason({ reason, set }: { reason: string; set: (r: string) => void }): ReactElement {
	const t = useText();
	return (
		<Field label={t.common.reason} note={t.common.reasonNote}>
			{(id, note) => (
				<input id={id} aria-describedby={note} className="input" value={reason} onChange={(e) => set(e.target.value)} autoFocus />
			)}
		</Field>
	);
}

function Technicians({ admin }: { admin: boolean }): ReactElement {
	const t = useText();
	const query = useTechnicians();
	const devices = useDevices().data;
	const [revoking, setRevoking] = useState<Technician>();
	const [reason, setReason] = useState("");
	return (
		<Card
			title={t.mesh.technicians}
			actions={
				admin && (
					<Button slim icon="plus" onClick={() => go("#/invites?make=technician")}>
						{t.mesh.inviteTechnician}
					</Button>
				)
			}
			flush
		>
			<Await query={query}>
				{(list) => {
					const admins = list.filter((x) => x.admin && !x.revoked).length;
					return (
						<div className="scroll-x">
							<table className="list">
								<thead>
									<tr>
										<th>{t.common.name}</th>
										<th>{t.common.role}</th>
										<th>{t.mesh.node}</th>
										<th className="hide-s">{t.mesh.key}</th>
										<th>
											<span className="only-read">{t.device.revoke}</span>
										</th>
									</tr>
								</thead>
								<tbody>
									{list.map((x) => (
										<tr key={x.key}>
											<td>
												<Name>{x.name}</Name>
											</td>
											<td>
												<span className="tags">
													{x.revoked ? (
														<Badge tone="bad">{t.common.revoked}</Badge>
													) : (
														<Badge tone={x.admin ? "accent" : ""}>{x.admin ? t.common.admin : t.common.technician}</Badge>
													)}
													{x.admin && !x.revoked && admins === 1 && <Badge>{t.mesh.onlyAdminHere}</Badge>}
												</span>
											</td>
											<td>
												<Name>{devices?.find((d) => d.id === x.node)?.name ?? x.node}</Name>
											</td>
											<td className="hide-s mono small dim">{x.key.slice(0, 16)}…</td>
											<td className="acts">
												{admin && !x.revoked && !(x.admin && admins === 1) && (
													<Button slim look="danger" onClick={() => (setReason(""), setRevoking(x))}>
														{t.device.revoke}
													</Button>
												)}
											</td>
										</tr>
									))}
								</tbody>
							</table>
						</div>
					);
				}}
			</Await>
			{revoking && (
				<Confirm
					open
					close={() => setRevoking(undefined)}
					title={t.mesh.revokeTitle(revoking.name)}
					verb={t.device.revoke}
					danger
					disabled={reason.trim() === ""}
					act={async () => {
						await api.node.revoke({ target: revoking.name, technician: true, reason: reason.trim() });
						say(t.mesh.revoked(revoking.name));
						void cache.invalidateQueries({ queryKey: ["technicians"] });
					}}
				>
					<p>{t.mesh.revokeWhat}</p>
					<Reason reason={reason} set={setReason} />
				</Confirm>
			)}
		</Card>
	);
}
