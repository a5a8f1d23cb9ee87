import type { Language } from "./settings";

const locale = (l: Language): string => (l === "de" ? "de-DE" : "en-GB");

/** 0 and less are "no time" everywhere in the schemas. */
export function whenMs(ms: number, l: Language): string {
	if (ms <= 0) {
		return "–";
	}
	return new Intl.DateTimeFormat(locale(l), { dateStyle: "medium", timeStyle: "medium" }).format(ms);
}

export function dayAndMinute(ms: number, l: Language): string {
	if (ms <= 0) {
		return "–";
	}
	return new Intl.DateTimeFormat(locale(l), {
		day: "2-digit",
		month: "short",
		hour: "2-digit",
		minute: "2-digit",
	}).format(ms);
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
	["year", 365 * 86_400_000],
	["month", 30 * 86_400_000],
	["day", 86_400_000],
	["hour", 3_600_000],
	["minute", 60_000],
	["second", 1000],
];

/** "3 minutes ago", "in 2 days": how far ms is from now. */
export function ago(ms: number, now: number, l: Language): string {
	if (ms <= 0) {
		return "–";
	}
	const away = ms - now;
	const format = new Intl.RelativeTimeFormat(locale(l), { numeric: "auto", style: "short" });
	for (const [unit, length] of steps) {
		if (Math.abs(away) >= length || unit === "second") {
			return format.format(Math.trunc(away / length), unit);
		}
	}
	return "–";
}

/** "1:02:03" of a time that runs. */
export function lasted(ms: number): string {
	const s = Math.max(0, Math.floor(ms / 1000));
	const two = (n: number): string => String(n).padStart(2, "0");
	const h = Math.floor(s / 3600);
	const m = Math.floor(s / 60) % 60;
	return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** decimal is how the language writes the point. */
export function bytes(n: number, decimal: string): string {
	if (n < 1000) {
		return `${n} B`;
	}
	for (const unit of ["kB", "MB", "GB"]) {
		n /= 1000;
		if (n < 999.5) {
			return `${n < 10 ? short(n, decimal) : Math.round(n)} ${unit}`;
		}
	}
	return `${short(n / 1000, decimal)} TB`;
}

export function millis(ms: number, decimal: string): string {
	if (ms <= 0) {
		return "–";
	}
	return ms < 10 ? `${short(ms, decimal)} ms` : `${Math.round(ms)} ms`;
}

const short = (n: number, decimal: string): string => n.toFixed(1).replace(".", decimal);
