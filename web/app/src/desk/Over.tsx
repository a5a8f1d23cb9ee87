import type { ReactElement, ReactNode } from "react";
import type { Problem } from "../api/fault";
import { useNow } from "../lib/clock";
import { type Text, useText } from "../text";
import { inWords, saidOf } from "../text/said";
import { Button, Name, Wrong } from "../ui/parts";
import type { Desk, Shown } from "./desk";
import { whose } from "./menus";

/** What lies over the picture while there is none, or something is to be said. */
export function Over(props: { desk: Desk; shown: Shown; choose: (display: string) => void }): ReactElement | null {
	const t = useText();
	const now = useNow(1000);
	const { desk, shown } = props;
	const left = (until: number): number => Math.max(0, Math.ceil((until - now) / 1000));
	// There was a picture of it.
	const ended = shown.gone && shown.ready !== undefined;
	const again = (
		<Button slim icon="refresh" onClick={() => desk.connect()}>
			{t.desk.open}
		</Button>
	);
	const told = shown.problem === undefined ? "" : what(shown.problem, t);
	const others = shown.displays.filter((d) => d.name !== shown.display);
	const instead = shown.gone && others.length > 0 && (
		<div className="desk-others" role="group" aria-label={t.desk.others}>
			<span>{t.desk.others}</span>
			{others.map((d) => (
				<Button key={d.name} slim icon="devices" onClick={() => props.choose(d.name)}>
					<Name>{whose(d)}</Name>
				</Button>
			))}
		</div>
	);
	switch (shown.phase) {
		case "connecting":
			return (
				<Say>
					<div>{ended ? t.desk.gone(shown.display) : shown.ready !== undefined ? t.desk.connectingAgain : t.desk.connecting}</div>
					{ended && instead}
				</Say>
			);
		case "asking":
			return <Say>{t.desk.asking(left(shown.askedUntil))}</Say>;
		case "lost":
			return (
				<Say>
					<div>
						{ended ? t.desk.gone(shown.display) : told !== "" && <bdi>{told}</bdi>}
						<div>{(ended ? t.desk.askedAgain : told !== "" ? t.desk.tryingAgain : t.terminal.reconnecting)(left(shown.retryAt))}</div>
					</div>
					{again}
					{instead}
				</Say>
			);
		case "ended":
			return (
				<Say>
					{ended || shown.problem === undefined ? (
						<div>{ended ? t.desk.gone(shown.display) : t.desk.ended}</div>
					) : (
						<Why problem={shown.problem} />
					)}
					{shown.problem?.kind === "denied" && shown.verb === "control" && !shown.begun && shown.ready === undefined && (
						<Button slim icon="eye" onClick={() => desk.as("view")}>
							{t.desk.openView}
						</Button>
					)}
					{again}
					{instead}
				</Say>
			);
		case "open":
			if (!shown.picture) {
				return <Say>{t.desk.waiting}</Say>;
			}
			return shown.note === undefined ? null : (
				<Say small>
					<div>
						<bdi>{inWords(shown.note.said, shown.note.text, t)}</bdi>
					</div>
					<Button slim look="plain" icon="close" aria-label={t.common.close} onClick={() => desk.hush()} />
				</Say>
			);
	}
}

/** What happened, in one sentence; none where there is nothing to say but that the connection was lost. */
function what(p: Problem, t: Text): string {
	return p.said?.code === "connection-lost" ? "" : (saidOf(p.said, t)?.[0] ?? bare(p.message));
}

/** What a device gave as the reason of a session's end, without what the node puts before it. */
const bare = (message: string): string => message.replace(/^the session was ended: /, "");

/** Why there is no session, and what to do. */
function Why({ problem: p }: { problem: Problem }): ReactElement {
	const tone = saidOf(p.said, useText()) === undefined ? "bad" : "warn";
	return <Wrong problem={{ ...p, message: bare(p.message) }} tone={tone} />;
}

function Say({ children, small }: { children: ReactNode; small?: boolean }): ReactElement {
	return (
		<div className={`desk-over ${small ? "small-note" : ""}`} role="status">
			{typeof children === "string" ? <div>{children}</div> : children}
		</div>
	);
}
