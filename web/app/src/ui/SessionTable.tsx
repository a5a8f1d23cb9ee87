import { type ReactElement, useState } from "react";
import { api } from "../api/clients";
import { cache, useDevices, useWhoami } from "../api/queries";
import type { Session } from "../gen/local_pb";
import { useNow } from "../lib/clock";
import { href } from "../lib/router";
import { lasted } from "../lib/time";
import { useText } from "../text";
import { Confirm } from "./Dialog";
import { PathBadge } from "./Path";
import { Badge, Button, Name } from "./parts";
import { say } from "./toast";

/** Live sessions, each of which can be ended. */
export function SessionTable({ sessions }: { sessions: Session[] }): ReactElement {
	const t = useText();
	const now = useNow(1000);
	const devices = useDevices().data;
	const self = useWhoami().data?.name;
	const [ending, setEnding] = useState<Session>();
	const idOf = (s: Session): string | undefined => devices?.find((d) => d.name === s.device)?.id;
	return (
		<div className="scroll-x">
			<table className="list">
				<thead>
					<tr>
						<th>{t.sessions.device}</th>
						<th>{t.sessions.verb}</th>
						<th className="hide-s">{t.sessions.technician}</th>
						<th>{t.sessions.user}</th>
						<th>{t.sessions.lasts}</th>
						<th className="hide-m">{t.common.path}</th>
						<th className="hide-s">{t.sessions.direction}</th>
						<th>
							<span className="only-read">{t.sessions.end}</span>
						</th>
					</tr>
				</thead>
				<tbody>
					{sessions.map((s) => {
						const id = idOf(s);
						return (
							<tr key={s.id}>
								<td>
									{id === undefined ? (
										<Name>{s.device || self || ""}</Name>
									) : (
										<a href={href("devices", id)}>
											<Name>{s.device}</Name>
										</a>
									)}
								</td>
								<td>
									<Badge>{s.verb}</Badge>
								</td>
								<td className="hide-s">
									<Name>{s.technician}</Name>
								</td>
								<td>
									<Name>{s.osUser}</Name>
								</td>
								<td className="num nowrap">{lasted(now - Number(s.since))}</td>
								<td className="hide-m">
									<PathBadge path={s.path} />
								</td>
								<td className="hide-s dim">{s.direction === "in" ? t.sessions.in : t.sessions.out}</td>
								<td className="acts">
									<Button slim look="danger" onClick={() => setEnding(s)}>
										{t.sessions.end}
									</Button>
								</td>
							</tr>
						);
					})}
				</tbody>
			</table>
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
		</div>
	);
}
