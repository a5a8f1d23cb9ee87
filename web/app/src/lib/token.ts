/** The token of "#t=TOKEN", or of an address or text that ends in it; else empty. */
export function tokenIn(text: string): string {
	return /(?:^|#)t=([\w.~-]{8,512})$/.exec(text.trim())?.[1] ?? "";
}

/** The token in what somebody pasted: an address, or the token alone. */
export function pastedToken(text: string): string {
	return tokenIn(text) || (/^[\w.~-]{8,512}$/.test(text.trim()) ? text.trim() : "");
}
