import type { ReactElement } from "react";
import { useText } from "../text";
import { Field } from "./parts";

/** Asks as whom a terminal is opened; empty is one's own name. */
export function UserField({ user, set }: { user: string; set: (user: string) => void }): ReactElement {
	const t = useText();
	return (
		<Field label={t.terminal.user} note={t.terminal.userNote}>
			{(id, note) => (
				<input
					id={id}
					aria-describedby={note}
					className="input"
					value={user}
					onChange={(e) => set(e.target.value)}
					autoComplete="off"
					spellCheck={false}
				/>
			)}
		</Field>
	);
}
