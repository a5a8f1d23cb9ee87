import { type ReactElement, useState } from "react";
import { useText } from "../text";
import { Dialog } from "../ui/Dialog";
import { Button, Copy, Field, Note } from "../ui/parts";
import { say } from "../ui/toast";
import { contentOf, png, readClipboard, textOf } from "./clip";
import type { Desk, Shown } from "./desk";
import { longestText } from "./keyboard";

/** Both clipboards, for where the browser lets a page have neither by itself. */
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
				if (mayIn && desk.give(c)) {
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
			{shown.ready?.clipboardOut === true ? (
				<Field label={t.desk.copied}>
					{(id) => (
						<div className="desk-clip">
							<textarea id={id} className="input" rows={3} readOnly value={shown.copied} placeholder={t.desk.nothingCopied} />
							{shown.copied !== "" && <Copy text={shown.copied} />}
						</div>
					)}
				</Field>
			) : (
				<Note>{t.desk.noOut}</Note>
			)}
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
							onClick={() => desk.give(contentOf(text)) && done(t.desk.gave)}
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
