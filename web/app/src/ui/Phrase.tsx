import type { ReactElement } from "react";
import { useText } from "../text";

/** The six words that both sides compare. */
export function Phrase({ words, big }: { words: string; big?: boolean }): ReactElement {
	const t = useText();
	return (
		<ol className={`phrase ${big ? "big" : ""}`} aria-label={t.invites.phrase}>
			{words.split(/[\s-]+/).map((w, i) => (
				<li key={`${i}-${w}`}>{w}</li>
			))}
		</ol>
	);
}
