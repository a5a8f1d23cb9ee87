/** The ends of a desktop that are the page's to explain: what the device says, and under which words the page says it. */
export const known = {
	saidNo: /^the person at the device said no$/,
	justSaidNo: /^the person at the device has just said no/,
	noAnswer: /^nobody at the device answered$/,
	askedAlready: /^the person at the device is being asked already/,
	stopped: /^the person at the device stopped it$/,
	nobodyToAsk: /^(somebody at the device has to agree, and nobody can be asked|nobody at the device could be asked)/,
	wayland: /^a Wayland session runs here/,
	missing: /^there is no display .* on this machine(?!, nor)/,
	noServer: /^no X server runs on this machine/,
	stops: /^the device stops$/,
	revoked: /^revoked$/,
	deviceRevoked: /^device .* was revoked$/,
	endedThere: /^ended on the device$/,
	endedHere: /^the session was ended from this machine$/,
};

export type Reason = keyof typeof known;

/** What happened, and what to do next. */
export type Told = [what: string, next: string];

/** What a device gave as the reason of a session's end, without what the node puts before it. */
export const bare = (message: string): string => message.replace(/^the session was ended: /, "");

/** Which of the known ends it is. A device of another version may say what is none of them: then that is shown. */
export function reasonOf(message: string): Reason | undefined {
	const said = bare(message);
	return (Object.keys(known) as Reason[]).find((r) => known[r].test(said));
}
