import type { ReactElement } from "react";
import { useText } from "../text";
import { TextField } from "./parts";

/** Asks as whom a terminal is opened; empty is one's own name. */
export function UserField({ user, set }: { user: string; set: (user: string) => void }): ReactElement {
	const t = useText();
	return <TextField label={t.terminal.user} note={t.terminal.userNote} value={user} set={set} />;
}
