import { type ReactElement, useState } from "react";
import { api } from "../api/clients";
import { useWhoami } from "../api/queries";
import type { ExplainResponse } from "../gen/meaning_pb";
import { useAct } from "../lib/act";
import { useText } from "../text";
import { Button, Command, Fault, Field, Note } from "./parts";

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
	const input = (id: string, note: string | undefined, value: string, set: (v: string) => void): ReactElement => (
		<input
			id={id}
			aria-describedby={note}
			className="input"
			value={value}
			onChange={(e) => set(e.target.value)}
			spellCheck={false}
			autoComplete="off"
		/>
	);
	return (
		<form className="stack" onSubmit={(e) => (e.preventDefault(), void run(ask))}>
			<div className="two">
				<Field label={t.access.src} note={t.access.srcNote}>
					{(id, note) => input(id, note, src, setSrc)}
				</Field>
				<Field label={t.access.dst} note={t.access.dstNote}>
					{(id, note) => input(id, note, dst, setDst)}
				</Field>
				<Field label={t.access.verb} note="shell, files, tcp:22, icmp">
					{(id, note) => input(id, note, verb, setVerb)}
				</Field>
				<Field label={t.access.user}>{(id, note) => input(id, note, user, setUser)}</Field>
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
