import { fromBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { FaultSchema } from "../gen/fault_pb";
import type { Said } from "../text/said";

/** What a person needs to know of an error. */
export interface Problem {
	kind: string;
	message: string;
	/** Ready to follow "try: "; empty where nothing helps. */
	hint: string;
	/**
	 * What to name to somebody who helps: the id under which the node's log has
	 * it, where it was written down, then the kind, and a stable word where there
	 * is one.
	 */
	id: string;
	/** Message and hint, for the page's language. */
	said?: Said | undefined;
}

/** An error that the node told in another way than a call's. */
export class Told extends Error {
	constructor(readonly problem: Problem) {
		super(problem.message);
	}
}

export function problemOf(e: unknown): Problem {
	if (e instanceof Told) {
		return e.problem;
	}
	if (e instanceof ConnectError) {
		const fault = e.findDetails(FaultSchema)[0];
		if (fault !== undefined) {
			return { kind: fault.kind, message: e.rawMessage, hint: fault.hint, id: idOf(fault), said: fault.said };
		}
		const kind = kindOf(e.code);
		return { kind, message: e.rawMessage, hint: "", id: `${kind}/${Code[e.code] ?? e.code}` };
	}
	return { kind: "internal", message: e instanceof Error ? e.message : String(e), hint: "", id: "internal/page" };
}

function idOf(fault: { id: string; kind: string; reason: string }): string {
	const word = fault.reason === "" ? fault.kind : `${fault.kind}/${fault.reason}`;
	return fault.id === "" ? word : `${fault.id} (${word})`;
}

/** Reads what the node answers in the place of what was asked for, as JSON. */
export function toldIn(body: unknown, otherwise: string): Told {
	const b = objectOf(body);
	const message = typeof b.message === "string" && b.message !== "" ? b.message : otherwise;
	const detail = Array.isArray(b.details) ? objectOf(b.details[0]).value : undefined;
	if (typeof detail === "string") {
		try {
			const fault = fromBinary(FaultSchema, base64Decode(detail));
			return new Told({ kind: fault.kind, message, hint: fault.hint, id: idOf(fault), said: fault.said });
		} catch {
			// Another detail than ours; the message is there.
		}
	}
	return new Told({ kind: "internal", message, hint: "", id: "internal/page" });
}

/** An error as the node says it of a terminal or a desktop. */
export interface ToldError {
	kind?: string;
	message?: string;
	hint?: string;
	id?: string;
	said?: { code?: string; args?: string[] };
}

export function toldOf(e: ToldError): Problem {
	const kind = e.kind ?? "internal";
	const said = e.said === undefined ? undefined : { code: e.said.code ?? "", args: e.said.args ?? [] };
	return { kind, message: e.message ?? "", hint: e.hint ?? "", id: idOf({ id: e.id ?? "", kind, reason: "" }), said };
}

export function objectOf(v: unknown): Record<string, unknown> {
	return typeof v === "object" && v !== null ? (v as Record<string, unknown>) : {};
}

function kindOf(code: Code): string {
	switch (code) {
		case Code.InvalidArgument:
			return "invalid";
		case Code.PermissionDenied:
		case Code.Unauthenticated:
			return "denied";
		case Code.NotFound:
			return "not found";
		case Code.AlreadyExists:
		case Code.Aborted:
		case Code.FailedPrecondition:
			return "conflict";
		case Code.Unavailable:
		case Code.DeadlineExceeded:
		case Code.Canceled:
			return "unavailable";
		default:
			// fetch fails with TypeError where nobody listens; Connect says Unknown.
			return code === Code.Unknown ? "unavailable" : "internal";
	}
}
