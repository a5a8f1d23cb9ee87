import { type ReactElement, useState } from "react";
import { api } from "../api/clients";
import { cache, useDevices, useWhoami } from "../api/queries";
import type { Session } from "../gen/local_pb";
import { useNow } from "../lib/clock";
import { href } from "../lib/router";
import { lasted } from "../lib/time";
import { useText } from "../text";
import { Confirm } from "./Dialog";
import { type Cell, List } from "./List";
import { PathBadge } from "./Path";
import { Badge, Button, Name } from "./parts";
import { say } from "./toast";

/** Live sessions, each of which can be ended; where all are on this machine (here), who has them comes first. */
export function SessionTable({ sessions, here }: { sessions: Session[]; here?: boolean }): ReactElement {
	const t = useText();
	const now = useNow(1000);
	const devices = useDevices().data;
	const self = useWhoami().data?.name;
	const [ending, setEnding] = useState<Session>();
	const idOf = (s: Session): string | undefined => devices?.find((d) => d.name === s.device)?.id;
	const device: Cell<Session> = {
		header: t.sessions.device,
		cell: (s) => {
			const id = idOf(s);
			return id === undefined ? (
				<Name>{s.device || self || ""}</Name>
			) : (
				<a href={href("devices", id)}>
					<Name>{s.device}</Name>
				</a>
			);
		},
	};
	const who: Cell<Session> = { header: t.sessions.technician, cell: (s) => <Name>{s.technician}</Name> };
	const verb: Cell<Session> = { header: t.sessions.verb, cell: (s) => <Badge>{s.verb}</Badge> };
	const how: Cell<Session>[] = [
		{ header: t.sessions.user, cell: (s) => <Name>{s.osUser || "–"}</Name> },
		{ header: t.sessions.lasts, look: "num nowrap", cell: (s) => lasted(now - Number(s.since)) },
		{ header: t.common.path, hide: "m", cell: (s) => <PathBadge path={s.path} /> },
	];
	const direction: Cell<Session> = {
		header: t.sessions.direction,
		hide: "s",
		look: "dim",
		cell: (s) => (s.direction === "in" ? t.sessions.in : t.sessions.out),
	};
	const end: Cell<Session> = {
		header: t.sessions.end,
		acts: true,
		cell: (s) => (
			<Button slim look="danger" onClick={() => setEnding(s)}>
				{t.sessions.end}
			</Button>
		),
	};
	return (
		<>
			<List
				rows={sessions}
				id={(s) => s.id}
				cells={here ? [who, verb, ...how, end] : [device, verb, { ...who, hide: "s" }, ...how, direction, end]}
			/>
			{ending && (
				<Confirm
					open
					close={() => setEnding(undefined)}
					title={t.sessions.endTitle}
					verb={t.sessions.end}
					danger
					act={async () => {
						await api.sessions.end({ id: ending.id });
						say(t.sessions.ended);
						void cache.invalidateQueries({ queryKey: ["sessions"] });
					}}
				>
					<p>
						<bdi>{t.sessions.endWhat(ending.verb, ending.device)}</bdi>
					</p>
				</Confirm>
			)}
		</>
	);
}
