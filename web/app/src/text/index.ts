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

export function useText(): Text {
	return languages[useLanguage()];
}
