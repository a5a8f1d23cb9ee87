import { Code, ConnectError } from "@connectrpc/connect";
import { FaultSchema } from "../gen/fault_pb";

/** What a person needs to know of an error. */
export interface Problem {
	kind: string;
	message: string;
	/** Ready to follow "try: "; empty where nothing helps. */
	hint: string;
	/** What to name to somebody who helps: the kind, and a stable word where there is one. */
	id: string;
}

export function problemOf(e: unknown): Problem {
	if (e instanceof ConnectError) {
		const fault = e.findDetails(FaultSchema)[0];
		if (fault !== undefined) {
			const id = fault.reason === "" ? fault.kind : `${fault.kind}/${fault.reason}`;
			return { kind: fault.kind, message: e.rawMessage, hint: fault.hint, id };
		}
		const kind = kindOf(e.code);
		return { kind, message: e.rawMessage, hint: "", id: `${kind}/${Code[e.code] ?? e.code}` };
	}
	return { kind: "internal", message: e instanceof Error ? e.message : String(e), hint: "", id: "internal/page" };
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
