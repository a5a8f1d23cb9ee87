import type { ReactElement } from "react";
import { AuditAct, type AuditParty, AuditPartyKind, type AuditRecord, type AuditValue } from "../gen/audit_pb";
import { roleWord, type Text, useText } from "../text";
import { Name, Time, type Tone } from "./parts";

export function actWord({ act, actors, target }: AuditRecord, t: Text): string {
	if (act === AuditAct.MACHINE_REVOKED && actors.some((a) => target !== undefined && hex(a.id) === hex(target.id))) {
		return t.audit.leftMesh;
	}
	return t.audit.acts[act] ?? t.audit.acts[0] ?? "";
}

export function actTone(act: AuditAct): Tone {
	switch (act) {
		case AuditAct.MACHINE_REVOKED:
		case AuditAct.TECHNICIAN_REVOKED:
		case AuditAct.SESSION_REFUSED:
		case AuditAct.CLAIM_REFUSED:
		case AuditAct.CONTROLLER_REMOVED:
			return "bad";
		case AuditAct.MACHINE_ADMITTED:
		case AuditAct.TECHNICIAN_ADMITTED:
		case AuditAct.CONTROLLER_NAMED:
		case AuditAct.MESH_FOUNDED:
			return "ok";
		case AuditAct.POLICY_REPLACED:
		case AuditAct.INVITE_MADE:
			return "accent";
		default:
			return "";
	}
}

export function partyName(p: AuditParty | undefined): string {
	if (p === undefined || p.kind === AuditPartyKind.UNSPECIFIED) {
		return "";
	}
	return p.name !== "" ? p.name : hex(p.id).slice(0, 12);
}

/** What an act was done to: an invite is called by the role it is for. */
export function targetName(p: AuditParty | undefined, t: Text): string {
	return p?.kind === AuditPartyKind.INVITE ? roleWord(p.name, t) || partyName(p) : partyName(p);
}

export function hex(bytes: Uint8Array): string {
	return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** A few records, one line each. */
export function AuditLines({ records }: { records: AuditRecord[] }): ReactElement {
	const t = useText();
	if (records.length === 0) {
		return <p className="pad dim">{t.audit.empty}</p>;
	}
	return (
		<ul className="log">
			{records.map((r) => (
				<li key={String(r.sequence)}>
					<span className="say">
						<span>{actWord(r, t)}</span>
						<strong className="name">
							<Name>{targetName(r.target, t)}</Name>
						</strong>
						<span className="dim name">
							<Name>{t.audit.byWhom(r.actors.map(partyName).filter(Boolean).join(", "))}</Name>
						</span>
					</span>
					<span className="dim small">
						<Time ms={Number(r.time)} />
					</span>
				</li>
			))}
		</ul>
	);
}

/** What there is to tell of a record in a line: a session's long id comes last, behind what happened in it. */
export const valuesOf = (vs: Pick<AuditValue, "name" | "value">[]): string =>
	[...vs].sort((a, b) => Number(a.name === "session") - Number(b.name === "session")).map((v) => `${v.name} ${v.value}`).join(" · ");
