import { type ReactElement, useState } from "react";
import { api } from "../api/clients";
import { cache, useControllers, useDevices, useStatus, useTechnicians, useWhoami } from "../api/queries";
import type { ListedController } from "../gen/controllers_pb";
import type { Technician } from "../gen/local_pb";
import { go } from "../lib/router";
import { useText } from "../text";
import { Confirm } from "../ui/Dialog";
import { List } from "../ui/List";
import { Await, Badge, Button, Card, Command, Dot, Name, Note, PageHead } from "../ui/parts";
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
							<Command text={status?.meshId ?? ""} />
							<p className="dim small">{t.mesh.meshIdNote}</p>
						</div>
					</Card>
				</div>
				<div>
					<Card title={t.mesh.backups}>
						<div className="stack">
							<p>{t.mesh.backupsWhat}</p>
							<Command text="warren backup mesh.backup" />
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
							<List
								rows={list}
								id={(c) => c.id}
								cells={[
									{
										header: t.common.name,
										cell: (c) => (
											<span className="with-dot">
												<Dot tone={c.reachable ? "ok" : "bad"} label={c.reachable ? t.mesh.reachable : t.mesh.unreachable} />
												<Name>{c.name}</Name>
											</span>
										),
									},
									{
										header: t.common.state,
										cell: (c) => (
											<span className="tags">
												{c.leader && <Badge tone="accent">{t.mesh.leader}</Badge>}
												<Badge tone={c.voter ? "ok" : "warn"}>{c.voter ? t.mesh.voter : t.mesh.noVote}</Badge>
												{!c.reachable && <Badge tone="bad">{t.mesh.unreachable}</Badge>}
											</span>
										),
									},
									{ header: t.device.id, hide: "s", look: "mono small dim", cell: (c) => c.id },
									{
										header: t.mesh.remove,
										acts: true,
										cell: (c) =>
											props.admin &&
											(c.voter ? (
												voters > 1 && (
													<Button slim look="danger" onClick={() => setRemoving(c)}>
														{t.mesh.remove}
													</Button>
												)
											) : (
												<Button slim disabled={adding !== ""} onClick={() => void add(c)}>
													{t.mesh.add}
												</Button>
											)),
									},
								]}
							/>
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
	return (
		<Confirm
			open
			close={props.close}
			title={t.mesh.removeTitle(props.controller.name)}
			verb={t.mesh.remove}
			danger
			reasoned
			act={async (reason) => {
				await api.controllers.remove({ node: props.controller.id, reason });
				say(t.mesh.removed(props.controller.name));
				void cache.invalidateQueries({ queryKey: ["controllers"] });
			}}
		>
			<p>{t.mesh.removeWhat(props.left)}</p>
		</Confirm>
	);
}

function Technicians({ admin }: { admin: boolean }): ReactElement {
	const t = useText();
	const query = useTechnicians();
	const devices = useDevices().data;
	const [revoking, setRevoking] = useState<Technician>();
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
						<List
							rows={list}
							id={(x) => x.key}
							cells={[
								{ header: t.common.name, cell: (x) => <Name>{x.name}</Name> },
								{
									header: t.common.role,
									cell: (x) => (
										<span className="tags">
											{x.revoked ? (
												<Badge tone="bad">{t.common.revoked}</Badge>
											) : (
												<Badge tone={x.admin ? "accent" : ""}>{x.admin ? t.common.admin : t.common.technician}</Badge>
											)}
											{x.admin && !x.revoked && admins === 1 && <Badge>{t.mesh.onlyAdminHere}</Badge>}
										</span>
									),
								},
								{ header: t.mesh.node, cell: (x) => <Name>{devices?.find((d) => d.id === x.node)?.name ?? x.node}</Name> },
								{ header: t.mesh.key, hide: "s", look: "mono small dim", cell: (x) => `${x.key.slice(0, 16)}…` },
								{
									header: t.device.revoke,
									acts: true,
									cell: (x) =>
										admin &&
										!x.revoked &&
										!(x.admin && admins === 1) && (
											<Button slim look="danger" onClick={() => setRevoking(x)}>
												{t.device.revoke}
											</Button>
										),
								},
							]}
						/>
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
					reasoned
					act={async (reason) => {
						await api.node.revoke({ target: revoking.name, technician: true, reason });
						say(t.mesh.revoked(revoking.name));
						void cache.invalidateQueries({ queryKey: ["technicians"] });
					}}
				>
					<p>{t.mesh.revokeWhat}</p>
				</Confirm>
			)}
		</Card>
	);
}
