const form = /(?:^|#)t=([\w.~-]{8,512})(?:&to=(\/[\w/?=:&%.-]{1,200}))?$/;

/** The token of "#t=TOKEN", or of an address or text that ends in it; else empty. */
export function tokenIn(text: string): string {
	return form.exec(text.trim())?.[1] ?? "";
}

/** The page that "#t=TOKEN&to=PAGE" leads to; the first where it names none. */
export function pageIn(text: string): string {
	return form.exec(text.trim())?.[2] ?? "/";
}

/** The token in what somebody pasted: an address, or the token alone. */
export function pastedToken(text: string): string {
	return tokenIn(text) || (/^[\w.~-]{8,512}$/.test(text.trim()) ? text.trim() : "");
}
