import { type ReactElement, useState } from "react";
import { useText } from "../text";
import { Dialog } from "../ui/Dialog";
import { Button, Field, Note } from "../ui/parts";
import { complain, say } from "../ui/toast";
import { contentOf, png, previewOf, readClipboard, textOf } from "./clip";
import type { Desk, Shown } from "./desk";
import { longestText } from "./keyboard";
import { kindOf } from "./Offer";

/** Both clipboards, by hand. */
export function Clipboard(props: { desk: Desk; shown: Shown; open: boolean; close: () => void }): ReactElement {
	const t = useText();
	const { desk, shown } = props;
	const [text, setText] = useState("");
	const [refused, setRefused] = useState(false);
	const controls = shown.ready?.control === true;
	const mayIn = controls && shown.ready?.clipboardIn === true;
	const done = (said: string): void => {
		say(said);
		setText("");
		props.close();
		desk.hands.focus();
	};
	const read = async (): Promise<void> => {
		setRefused(false);
		try {
			const c = await readClipboard();
			if (c?.mime === png) {
				if (mayIn && desk.clips.give(c)) {
					done(t.desk.gave);
				}
			} else if (c !== undefined) {
				setText(textOf(c));
			}
		} catch {
			setRefused(true);
		}
	};
	return (
		<Dialog open={props.open} close={props.close} title={t.desk.clipboard}>
			<p>{t.desk.clipboardWhat}</p>
			{shown.ready?.clipboardOut === true ? <There desk={desk} shown={shown} done={done} /> : <Note>{t.desk.noOut}</Note>}
			{controls && (
				<>
					<Field label={t.desk.toSend} note={text.length > longestText ? t.desk.tooLong : undefined}>
						{(id, note) => (
							<textarea
								id={id}
								aria-describedby={note}
								className="input"
								rows={4}
								value={text}
								onChange={(e) => setText(e.target.value)}
								autoFocus
							/>
						)}
					</Field>
					{refused && <Note tone="warn">{t.desk.refused}</Note>}
					{!mayIn && <Note>{t.desk.noIn}</Note>}
					<div className="bar">
						<Button slim icon="paste" onClick={() => void read()}>
							{t.desk.readMine}
						</Button>
						<Button
							slim
							look="main"
							disabled={text === "" || !mayIn}
							onClick={() => desk.clips.give(contentOf(text)) && done(t.desk.gave)}
						>
							{t.desk.put}
						</Button>
						<Button
							slim
							icon="keyboard"
							disabled={text === "" || text.length > longestText}
							onClick={() => (desk.hands.type(text), done(t.desk.typed))}
						>
							{t.desk.typeIt}
						</Button>
					</div>
				</>
			)}
		</Dialog>
	);
}

/** What the device copied last. */
function There(props: { desk: Desk; shown: Shown; done: (said: string) => void }): ReactElement {
	const t = useText();
	const { copied } = props.shown;
	return (
		<Field label={t.desk.copied} note={copied === undefined ? undefined : kindOf(copied.content, t)}>
			{(id, note) => (
				<div className="desk-clip">
					<textarea
						id={id}
						aria-describedby={note}
						className="input"
						rows={3}
						readOnly
						value={copied === undefined ? "" : previewOf(copied.content)}
						placeholder={copied === undefined ? t.desk.nothingCopied : t.desk.noPreview}
					/>
					<Button
						slim
						icon="copy"
						disabled={copied === undefined}
						onClick={() => void props.desk.clips.take().then(() => props.done(t.desk.taken), complain)}
					>
						{t.desk.take}
					</Button>
				</div>
			)}
		</Field>
	);
}
