import { createStore, useStore } from "./store";

export type Theme = "system" | "light" | "dark";
export type Language = "en" | "de";

const dark = matchMedia("(prefers-color-scheme: dark)");

export function kept(key: string): string | null {
	try {
		return localStorage.getItem(`warren.${key}`);
	} catch {
		return null;
	}
}

export function keep(key: string, value: string): void {
	try {
		localStorage.setItem(`warren.${key}`, value);
	} catch {
		// A browser that keeps nothing still shows what was chosen.
	}
}

function firstTheme(): Theme {
	const t = kept("theme");
	return t === "light" || t === "dark" ? t : "system";
}

function firstLanguage(): Language {
	const l = kept("language") ?? navigator.language;
	return l.startsWith("de") ? "de" : "en";
}

const theme = createStore<Theme>(firstTheme());
const language = createStore<Language>(firstLanguage());

/** The theme that is shown: what was chosen, else the system's. */
export const shownTheme = createStore<"light" | "dark">("light");

function show(): void {
	const t = theme.get();
	const shown = t === "system" ? (dark.matches ? "dark" : "light") : t;
	document.documentElement.dataset.theme = shown;
	shownTheme.set(shown);
}

theme.subscribe(show);
dark.addEventListener("change", show);
show();

export const useTheme = (): Theme => useStore(theme);
export const useShownTheme = (): "light" | "dark" => useStore(shownTheme);
export const useLanguage = (): Language => useStore(language);

export function setTheme(t: Theme): void {
	keep("theme", t);
	theme.set(t);
}

export function setLanguage(l: Language): void {
	keep("language", l);
	document.documentElement.lang = l;
	language.set(l);
}

document.documentElement.lang = language.get();
