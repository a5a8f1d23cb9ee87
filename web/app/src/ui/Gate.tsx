import { type FormEvent, type ReactElement, useState } from "react";
import { type Access, enter } from "../api/bearer";
import { pastedToken } from "../lib/token";
import { useText } from "../text";
import { Mark } from "./Icon";
import { Button, Copy, Field, Loading, Note } from "./parts";
import { Settings } from "./Settings";

/** What somebody sees whom the node has not let in. */
export function Gate({ way }: { way: Access }): ReactElement {
	const t = useText();
	if (way.kind === "entering") {
		return (
			<main className="alone">
				<div className="card pad">
					<p>{t.gate.entering}</p>
					<Loading rows={3} />
				</div>
			</main>
		);
	}
	return (
		<main className="alone">
			<div className="card gate">
				<div className="bar">
					<Mark size={36} />
					<span className="grow" />
					<Settings />
				</div>
				<h1>{t.gate.title}</h1>
				{way.kind === "refused" && (
					<Note tone="bad">
						{t.gate.refused}: <bdi>{way.message}</bdi>
					</Note>
				)}
				<p>{t.gate.what}</p>
				<Command />
				<p>{t.gate.then}</p>
				<Paste />
			</div>
		</main>
	);
}

/** Lies over the page when the time is up, so that nothing on it is lost. */
export function GateDialog(): ReactElement {
	const t = useText();
	return (
		<>
			<div className="veil over" />
			<div className="dialog over" role="dialog" aria-modal="true" aria-labelledby="gate-title">
				<header>
					<h2 id="gate-title">{t.gate.expiredTitle}</h2>
				</header>
				<div className="body">
					<p>{t.gate.expiredWhat}</p>
					<Command />
					<p>{t.gate.then}</p>
					<Paste />
				</div>
			</div>
		</>
	);
}

function Command(): ReactElement {
	return (
		<div className="command">
			<code>warren console</code>
			<Copy text="warren console" />
		</div>
	);
}

function Paste(): ReactElement {
	const t = useText();
	const [text, setText] = useState("");
	const [error, setError] = useState("");
	const submit = async (e: FormEvent): Promise<void> => {
		e.preventDefault();
		const token = pastedToken(text);
		if (token === "") {
			setError(t.gate.bad);
			return;
		}
		try {
			setError("");
			await enter(token);
		} catch (failed) {
			setError(failed instanceof Error ? failed.message : String(failed));
		}
	};
	return (
		<form className="stack" onSubmit={(e) => void submit(e)}>
			<Field label={t.gate.paste}>
				{(id) => (
					<input
						id={id}
						className="input mono"
						value={text}
						onChange={(e) => setText(e.target.value)}
						placeholder="http://localhost:7780/#t=…"
						autoComplete="off"
						spellCheck={false}
						autoFocus
					/>
				)}
			</Field>
			{error !== "" && (
				<Note tone="bad">
					<bdi>{error}</bdi>
				</Note>
			)}
			<Button type="submit" look="main" disabled={text.trim() === ""}>
				{t.gate.enter}
			</Button>
		</form>
	);
}
