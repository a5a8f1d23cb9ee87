import { useLanguage } from "../lib/settings";
import { de } from "./de";
import { en } from "./en";

/** The words of the pages; every language has all of them. */
export type Text = typeof en;

const languages: Record<"en" | "de", Text> = { en, de };

export function useText(): Text {
	return languages[useLanguage()];
}
