import type { Text } from ".";
import type { Told } from "./en.said";

/** A sentence of a device's or a node's, as they tell it beside the English. */
export interface Said {
	code: string;
	args: readonly string[];
}

/** What a device gives turns no text of the page around. */
const plain = (arg: string): string => arg.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ");

/** The sentence in the page's language; nothing where it is of a later version's. */
export function saidOf(said: Said | undefined, t: Text): Told | undefined {
	const { code = "", args: sent = [] } = said ?? {};
	const args = sent.map(plain);
	if (Object.hasOwn(t.said, code)) {
		const sentence = t.said[code as keyof Text["said"]];
		return typeof sentence === "function" ? sentence(...args) : sentence;
	}
	if (Object.hasOwn(t.why, code)) {
		const reason = t.why[code as keyof Text["why"]](...args);
		return [`${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`];
	}
	return undefined;
}

/** All of the sentence, or what stands for it in English. */
export const inWords = (said: Said | undefined, english: string, t: Text): string => saidOf(said, t)?.join(" ") ?? english;
