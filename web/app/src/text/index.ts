import { useLanguage } from "../lib/settings";
import { de } from "./de";
import { en } from "./en";

/** The words of the pages; every language has all of them. */
export type Text = typeof en;

const languages: Record<"en" | "de", Text> = { en, de };

/** A machine's role as the pages call it; what they do not know stays as it is. */
export function roleWord(role: string, t: Text): string {
	return (t.invites.roles as Record<string, string>)[role] ?? role;
}

/** A right as the pages call it: the policy's verb, and how it may be used. */
export function verbWord(verb: string, t: Text): string {
	const [, name = verb, how = ""] = /^(view|control|clipboard) (.+)$/.exec(verb) ?? [];
	const word = (t.access.how as Record<string, string>)[how];
	return word === undefined ? verb : `${name === "clipboard" ? t.access.clipboard : name} ${word}`;
}

export function useText(): Text {
	return languages[useLanguage()];
}
