import { type FormEvent, type ReactElement, useEffect, useState } from "react";
import { type Access, ends, enter } from "../api/bearer";
import { problemOf } from "../api/fault";
import { useNow } from "../lib/clock";
import { useStore } from "../lib/store";
import { pastedToken } from "../lib/token";
import { useText } from "../text";
import { Alone } from "./Alone";
import { Dialog } from "./Dialog";
import { Icon } from "./Icon";
import { Button, Command, Fault, Loading, Note, TextField, Wrong } from "./parts";

/** What somebody sees whom the node has not let in. */
export function Gate({ way }: { way: Access }): ReactElement {
	const t = useText();
	if (way.kind === "entering") {
		return (
			<Alone>
				<p>{t.gate.entering}</p>
				<Loading rows={3} />
			</Alone>
		);
	}
	return (
		<Alone>
			<h1>{t.gate.title}</h1>
			{way.kind === "refused" && <Wrong problem={problemOf(way.error)} before={t.gate.refused} />}
			<p>{t.gate.what}</p>
			<WayIn />
		</Alone>
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
					<WayIn />
				</div>
			</div>
		</>
	);
}

/** Says before the time is up that it will be, and takes a new token. */
export function Ending(): ReactElement | null {
	const t = useText();
	const end = useStore(ends);
	const left = end - useNow(10_000);
	const [open, setOpen] = useState(false);
	useEffect(() => setOpen(false), [end]);
	if (end === 0 || left > 20 * 60_000 || left <= 0) {
		return null;
	}
	return (
		<div className="banner" role="status">
			<Icon name="warn" />
			{t.gate.ending(Math.ceil(left / 60_000))}
			<Button slim onClick={() => setOpen(true)}>
				{t.gate.stay}
			</Button>
			<Dialog open={open} close={() => setOpen(false)} title={t.gate.stay}>
				<p>{t.gate.stayWhat}</p>
				<WayIn />
			</Dialog>
		</div>
	);
}

function WayIn(): ReactElement {
	const t = useText();
	return (
		<>
			<Command text="warren console" />
			<p>{t.gate.then}</p>
			<Paste />
		</>
	);
}

function Paste(): ReactElement {
	const t = useText();
	const [text, setText] = useState("");
	const [bad, setBad] = useState(false);
	const [error, setError] = useState<unknown>(null);
	const submit = async (e: FormEvent): Promise<void> => {
		e.preventDefault();
		const token = pastedToken(text);
		setBad(token === "");
		setError(null);
		if (token === "") {
			return;
		}
		try {
			await enter(token);
		} catch (failed) {
			setError(failed);
		}
	};
	return (
		<form className="stack" onSubmit={(e) => void submit(e)}>
			<TextField
				label={t.gate.paste}
				className="mono"
				value={text}
				set={setText}
				placeholder="http://localhost:7780/#t=…"
				autoFocus
			/>
			{bad && <Note tone="bad">{t.gate.bad}</Note>}
			{error !== null && <Fault error={error} />}
			<Button type="submit" look="main" disabled={text.trim() === ""}>
				{t.gate.enter}
			</Button>
		</form>
	);
}
