/** How many lines of one text are not in the other, whichever has more of them. */
export function changedLines(a: string, b: string): number {
	const [x, y] = [a.split("\n"), b.split("\n")];
	const missing = (from: string[], other: string[]): number => {
		const counts = new Map<string, number>();
		for (const l of other) {
			counts.set(l, (counts.get(l) ?? 0) + 1);
		}
		let n = 0;
		for (const l of from) {
			const c = counts.get(l) ?? 0;
			if (c === 0) {
				n++;
			}
			counts.set(l, c - 1);
		}
		return n;
	};
	return Math.max(missing(x, y), missing(y, x));
}

/** The line that a message of the policy's reader names: "3:7: ..."; else 0. */
export function lineOf(message: string): number {
	return Number(/(?:^|\s)(\d+):\d+:/.exec(message)?.[1] ?? 0);
}
