import type { ReactElement } from "react";
import type { Path } from "../gen/local_pb";
import { millis } from "../lib/time";
import { type Text, useText } from "../text";
import { Badge, Name, type Tone } from "./parts";

export const isDirect = (kind: string): boolean => kind === "lan" || kind.startsWith("direct");
export const isThroughMember = (kind: string): boolean => kind.startsWith("member");

const tones: Record<string, Tone> = { lan: "ok", direct: "ok", member: "warn", none: "bad", self: "" };

export function pathWord(kind: string, t: Text): string {
	switch (kind) {
		case "lan":
		case "direct-v4":
		case "direct-v6":
		case "member-udp":
		case "member-tls":
		case "none":
		case "self":
			return t.path[kind];
		default:
			return t.path.unknown;
	}
}

/** One path in a badge: how, via whom, and how long it takes. */
export function PathBadge({ path, short }: { path: Path | undefined; short?: boolean }): ReactElement {
	const t = useText();
	if (path === undefined || path.kind === "") {
		return <span className="dim">–</span>;
	}
	return (
		<span className="with-dot">
			<Badge tone={tones[path.kind.split("-")[0] ?? ""] ?? ""}>{pathWord(path.kind, t)}</Badge>
			{path.via !== "" && !short && (
				<span className="dim small">
					<Name>{t.path.via(path.via)}</Name>
				</span>
			)}
			{path.rttMs > 0 && !short && <span className="dim small num">{millis(path.rttMs, t.common.decimal)}</span>}
		</span>
	);
}
