import { type ReactElement, useState } from "react";
import { api } from "../api/clients";
import { useWhoami } from "../api/queries";
import type { ExplainResponse } from "../gen/meaning_pb";
import { useAct } from "../lib/act";
import { useText } from "../text";
import { Button, Command, Fault, Note, TextField } from "./parts";

/** Asks whether something is allowed, and why or why not. */
export function Explain(): ReactElement {
	const t = useText();
	const who = useWhoami().data;
	const [src, setSrc] = useState(who?.technician ?? "");
	const [dst, setDst] = useState("");
	const [verb, setVerb] = useState("shell");
	const [user, setUser] = useState("");
	const [answer, setAnswer] = useState<ExplainResponse>();
	const { error, run } = useAct();
	const ask = async (): Promise<void> => {
		setAnswer(undefined);
		setAnswer(await api.meaning.explain({ src: src.trim(), dst: dst.trim(), verb: verb.trim(), user: user.trim() }));
	};
	return (
		<form className="stack" onSubmit={(e) => (e.preventDefault(), void run(ask))}>
			<div className="two">
				<TextField label={t.access.src} note={t.access.srcNote} value={src} set={setSrc} />
				<TextField label={t.access.dst} note={t.access.dstNote} value={dst} set={setDst} />
				<TextField label={t.access.verb} note="shell, files, tcp:22, icmp" value={verb} set={setVerb} />
				<TextField label={t.access.user} value={user} set={setUser} />
			</div>
			<Button type="submit" disabled={src.trim() === "" || dst.trim() === "" || verb.trim() === ""}>
				{t.access.ask}
			</Button>
			{error !== null && <Fault error={error} />}
			{answer && (
				<Note tone={answer.allowed ? "ok" : "warn"}>
					<strong>{answer.allowed ? t.access.allowed : t.access.notAllowed}</strong>
					{answer.reasons.map((r) => (
						<div key={r}>
							<bdi>{r}</bdi>
						</div>
					))}
					{answer.grants.map((g) => (
						<div key={g.line} className="small">
							{t.access.line(g.line)}: <code>{g.text}</code>
						</div>
					))}
					{answer.missing !== "" && (
						<div className="stack gap-top">
							{t.access.missing}
							<Command text={answer.missing} />
						</div>
					)}
				</Note>
			)}
		</form>
	);
}
