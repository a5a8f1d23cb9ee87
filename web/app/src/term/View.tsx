import { type ReactElement, useEffect, useRef, useState } from "react";
import { useNow } from "../lib/clock";
import { millis } from "../lib/time";
import { useText } from "../text";
import { Confirm } from "../ui/Dialog";
import { pathWord } from "../ui/Path";
import { Button, Name, Wrong } from "../ui/parts";
import { UserField } from "../ui/UserField";
import { say } from "../ui/toast";
import { type Shell, shellOf } from "./shell";
import { addTab, dropTab, type Tab } from "./tabs";

/** The bar above a terminal, and the terminal. */
export function TerminalView({ tab }: { tab: Tab }): ReactElement {
	const t = useText();
	const box = useRef<HTMLDivElement>(null);
	const [shell, setShell] = useState<Shell>();
	const [finding, setFinding] = useState(false);
	const [paste, setPaste] = useState("");

	useEffect(() => {
		const parent = box.current;
		if (parent === null) {
			return;
		}
		const notices = {
			reopened: t.terminal.reopened,
			wasLost: t.terminal.wasLost,
			refusedClip: () => say(t.terminal.refusedClip),
		};
		const s = shellOf(tab, notices, t.terminal.screen(tab.name));
		setShell(s);
		s.attach(parent);
		s.term.focus();
		const watch = new ResizeObserver(() => s.measure());
		watch.observe(parent);
		// Lines run as they arrive where the program takes a paste for typing.
		const pasted = (e: ClipboardEvent): void => {
			const text = e.clipboardData?.getData("text/plain") ?? "";
			if (risky(text, s)) {
				e.preventDefault();
				e.stopPropagation();
				setPaste(text);
			}
		};
		const keys = (e: KeyboardEvent): void => {
			if (e.ctrlKey && e.shiftKey && e.key.toLowerCase() === "f") {
				e.preventDefault();
				setFinding(true);
			}
		};
		parent.addEventListener("paste", pasted, true);
		parent.addEventListener("keydown", keys);
		return () => {
			watch.disconnect();
			parent.removeEventListener("paste", pasted, true);
			parent.removeEventListener("keydown", keys);
			s.detach();
		};
		// A terminal outlives its tab's changes: only another tab is another terminal.
	}, [tab.key]);

	const pasteNow = async (): Promise<void> => {
		let text: string;
		try {
			text = await navigator.clipboard.readText();
		} catch {
			say(t.terminal.refusedPaste);
			shell?.term.focus();
			return;
		}
		if (shell !== undefined && text !== "") {
			if (risky(text, shell)) {
				setPaste(text);
			} else {
				shell.term.paste(text);
				shell.term.focus();
			}
		}
	};
	return (
		<>
			<div className="term-bar">
				<div className="say small">
					<strong>
						<Name>{tab.name}</Name>
					</strong>
					{tab.osUser !== "" && (
						<span className="dim">
							<Name>{t.terminal.as(tab.osUser)}</Name>
						</span>
					)}
					{tab.path !== undefined && tab.path.kind !== "" && (
						<span className="dim hide-s">
							{pathWord(tab.path.kind, t)}
							{tab.path.via !== "" && ` ${t.path.via(tab.path.via)}`}
							{tab.path.rttMs > 0 && ` · ${millis(tab.path.rttMs, t.common.decimal)}`}
						</span>
					)}
				</div>
				{finding && shell !== undefined ? (
					<Find shell={shell} close={() => (setFinding(false), shell.term.focus())} />
				) : (
					<Button look="plain" slim icon="search" aria-label={`${t.terminal.find} (Ctrl+Shift+F)`} onClick={() => setFinding(true)} />
				)}
				<Button look="plain" slim icon="copy" aria-label={t.terminal.copy} onClick={() => shell?.copy()} />
				<Button look="plain" slim icon="paste" aria-label={t.terminal.paste} onClick={() => void pasteNow()} />
			</div>
			<div className="term-view" ref={box}>
				<Over tab={tab} again={() => (shell?.connect(), shell?.term.focus())} />
			</div>
			<Confirm
				open={paste !== ""}
				close={() => setPaste("")}
				title={t.terminal.pasteLines(paste.split(/\r\n|\r|\n/).length)}
				verb={t.terminal.pasteVerb}
				act={async () => shell?.term.paste(paste)}
			>
				<p>{t.terminal.pasteWhat}</p>
				<pre className="pasted">{paste.slice(0, 2000)}</pre>
			</Confirm>
		</>
	);
}

function risky(text: string, shell: Shell): boolean {
	return /[\r\n]/.test(text.trimEnd()) && !shell.term.modes.bracketedPasteMode;
}

function Over({ tab, again }: { tab: Tab; again: () => void }): ReactElement | null {
	const t = useText();
	const now = useNow(1000);
	switch (tab.phase) {
		case "lost":
			return (
				<div className="term-over" role="status">
					<div>{t.terminal.reconnecting(Math.max(0, Math.ceil((tab.retryAt - now) / 1000)))}</div>
					<Button slim icon="refresh" onClick={again}>
						{t.terminal.reconnect}
					</Button>
				</div>
			);
		case "ended":
			return (
				<div className="term-over" role="status">
					{tab.problem !== undefined ? (
						<div className="stack">
							<Wrong problem={tab.problem} />
							{tab.osUser === "" && ["denied", "not found"].includes(tab.problem.kind) && <AsAnother tab={tab} />}
						</div>
					) : (
						<div>
							{t.terminal.ended}
							{tab.exit && ` · ${tab.exit.signal !== "" ? t.terminal.signal(tab.exit.signal) : t.terminal.exit(tab.exit.code)}`}
						</div>
					)}
					<Button slim icon="refresh" onClick={again}>
						{t.terminal.reconnect}
					</Button>
				</div>
			);
		default:
			return null;
	}
}

/** Another user may be let in where this one is not. */
function AsAnother({ tab }: { tab: Tab }): ReactElement {
	const t = useText();
	const [user, setUser] = useState(tab.user);
	return (
		<form className="bar" onSubmit={(e) => (e.preventDefault(), dropTab(tab.key), addTab(tab.device, tab.name, user.trim()))}>
			<UserField user={user} set={setUser} />
			<Button type="submit" slim disabled={user.trim() === tab.user}>
				{t.terminal.open}
			</Button>
		</form>
	);
}

function Find({ shell, close }: { shell: Shell; close: () => void }): ReactElement {
	const t = useText();
	const [text, setText] = useState("");
	return (
		<form
			className="bar"
			role="search"
			onSubmit={(e) => (e.preventDefault(), shell.find.findPrevious(text))}
			onKeyDown={(e) => e.key === "Escape" && close()}
		>
			<input
				className="input"
				aria-label={t.terminal.find}
				placeholder={t.terminal.find}
				value={text}
				onChange={(e) => {
					setText(e.target.value);
					shell.find.findPrevious(e.target.value, { incremental: true });
				}}
				autoFocus
			/>
			<Button look="plain" slim icon="up" aria-label={t.terminal.findPrevious} onClick={() => shell.find.findPrevious(text)} />
			<Button look="plain" slim icon="down" aria-label={t.terminal.findNext} onClick={() => shell.find.findNext(text)} />
			<Button look="plain" slim icon="close" aria-label={t.common.close} onClick={close} />
		</form>
	);
}
