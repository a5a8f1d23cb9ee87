import { Code, ConnectError } from "@connectrpc/connect";
import { FaultSchema } from "../gen/fault_pb";

/** What a person needs to know of an error. */
export interface Problem {
	kind: string;
	message: string;
	/** Ready to follow "try: "; empty where nothing helps. */
	hint: string;
	reason: string;
	id: string;
}

export function problemOf(e: unknown): Problem {
	if (e instanceof ConnectError) {
		const fault = e.findDetails(FaultSchema)[0];
		const id = e.metadata.get("warren-error-id") ?? "";
		if (fault !== undefined) {
			return { kind: fault.kind, message: e.rawMessage, hint: fault.hint, reason: fault.reason, id };
		}
		return { kind: kindOf(e.code), message: e.rawMessage, hint: "", reason: "", id };
	}
	return { kind: "internal", message: e instanceof Error ? e.message : String(e), hint: "", reason: "", id: "" };
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
