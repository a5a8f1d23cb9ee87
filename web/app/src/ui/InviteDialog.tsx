import { type ReactElement, useState } from "react";
import { api } from "../api/clients";
import { cache, useWhoami } from "../api/queries";
import type { CreateInviteResponse } from "../gen/local_pb";
import { useAct } from "../lib/act";
import { useText } from "../text";
import { Dialog } from "./Dialog";
import { Button, Command, Copy, Fault, Field, Note, TextField, Time } from "./parts";
import { Qr } from "./Qr";

const roles = ["device", "gateway", "controller", "technician"];
const lives = [3600, 28_800, 86_400, 604_800];

/** Makes an invite, and shows its link once. */
export function InviteDialog({ role, close }: { role: string; close: () => void }): ReactElement {
	const t = useText();
	const [made, setMade] = useState<CreateInviteResponse>();
	return (
		<Dialog
			open
			close={close}
			title={made === undefined ? t.invites.make : t.invites.made}
			footer={made && <Button look="main" onClick={close}>{t.invites.done}</Button>}
		>
			{made === undefined ? <Form role={role} made={setMade} /> : <Made invite={made} />}
		</Dialog>
	);
}

export function Made({ invite }: { invite: CreateInviteResponse }): ReactElement {
	const t = useText();
	return (
		<div className="stack">
			<p>{t.invites.madeWhat}</p>
			<JoinCommand link={invite.link} />
			<p>{invite.link.startsWith("https:") ? t.invites.orLink : t.invites.orWarren}</p>
			<div className="command">
				<code className="link" data-link title={invite.link}>
					{invite.link}
				</code>
				<Copy text={invite.link} />
			</div>
			<Qr text={invite.link} label={t.invites.qr} />
			<p className="dim small">
				{t.invites.ends} <Time ms={Number(invite.expires) * 1000} />
			</p>
		</div>
	);
}

export function JoinCommand({ link }: { link: string }): ReactElement {
	return <Command text={`warren join '${link}'`} link />;
}

function Form({ role: first, made }: { role: string; made: (i: CreateInviteResponse) => void }): ReactElement {
	const t = useText();
	const admin = useWhoami().data?.admin ?? false;
	const [role, setRole] = useState(roles.includes(first) ? first : "device");
	const [owner, setOwner] = useState(false);
	const [noApproval, setNoApproval] = useState(false);
	const [asAdmin, setAsAdmin] = useState(false);
	const [tags, setTags] = useState("");
	const [site, setSite] = useState("");
	const [customer, setCustomer] = useState("");
	const [uses, setUses] = useState(1);
	const [life, setLife] = useState(3600);
	const { busy, error, run } = useAct();
	const plain = role === "device";
	const make = async (): Promise<void> => {
		made(
			await api.invites.create({
				role,
				ownerDevice: plain && owner,
				noApproval: plain && !owner && noApproval,
				admin: role === "technician" && asAdmin,
				tags: tags.split(/[\s,]+/).filter(Boolean),
				site: site.trim(),
				customer: customer.trim(),
				uses,
				expires: BigInt(life),
			}),
		);
		void cache.invalidateQueries({ queryKey: ["invites"] });
	};
	return (
		<form className="stack" onSubmit={(e) => (e.preventDefault(), void run(make))}>
			<fieldset>
				<legend>{t.invites.role}</legend>
				<div className="radio-row">
					{roles.map((r) => (
						<label key={r}>
							<input type="radio" name="role" value={r} checked={role === r} onChange={() => setRole(r)} />
							{t.invites.roles[r]}
						</label>
					))}
				</div>
			</fieldset>
			{plain && (
				<>
					<Check set={setOwner} on={owner} label={t.invites.ownerDevice} note={t.invites.ownerNote} />
					{!owner && (
						<Check set={setNoApproval} on={noApproval} label={t.invites.noApproval} note={t.invites.noApprovalNote} />
					)}
				</>
			)}
			{role === "technician" && admin && <Check set={setAsAdmin} on={asAdmin} label={t.invites.admin} />}
			<TextField label={t.common.tags} note={t.invites.tagsNote} value={tags} set={setTags} />
			<div className="two">
				<TextField label={t.common.site} value={site} set={setSite} />
				<TextField label={t.common.customer} value={customer} set={setCustomer} />
				<Field label={t.invites.uses}>
					{(id) => (
						<input
							id={id}
							className="input"
							type="number"
							min={1}
							max={1000}
							value={uses}
							onChange={(e) => setUses(Math.max(1, e.target.valueAsNumber || 1))}
						/>
					)}
				</Field>
				<Field label={t.invites.expires}>
					{(id) => (
						<select id={id} className="input" value={life} onChange={(e) => setLife(Number(e.target.value))}>
							{lives.map((s) => (
								<option key={s} value={s}>
									{t.invites.hours[s]}
								</option>
							))}
						</select>
					)}
				</Field>
			</div>
			{plain && !owner && noApproval && <Note tone="warn">{t.invites.noApprovalNote}</Note>}
			{error !== null && <Fault error={error} />}
			<Button type="submit" look="main" disabled={busy}>
				{t.invites.make}
			</Button>
		</form>
	);
}

function Check(props: { on: boolean; set: (on: boolean) => void; label: string; note?: string }): ReactElement {
	return (
		<label className="check">
			<input type="checkbox" checked={props.on} onChange={(e) => props.set(e.target.checked)} />
			<div>
				{props.label}
				{props.note !== undefined && <div className="dim small">{props.note}</div>}
			</div>
		</label>
	);
}
