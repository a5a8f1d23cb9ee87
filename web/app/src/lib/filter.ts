/** What is looked through of each row, computed once as long as the row is the same object. */
export class Haystack<T extends object> {
	private readonly known = new WeakMap<T, string>();

	constructor(private readonly words: (row: T) => string) {}

	private of(row: T): string {
		let text = this.known.get(row);
		if (text === undefined) {
			text = this.words(row).toLowerCase();
			this.known.set(row, text);
		}
		return text;
	}

	/** Tells rows that hold every word of the filter; a word behind "-" must not be there. */
	matcher(filter: string): (row: T) => boolean {
		const words = filter.toLowerCase().split(/\s+/).filter((w) => w !== "" && w !== "-");
		if (words.length === 0) {
			return () => true;
		}
		const must = words.filter((w) => !w.startsWith("-"));
		const mustNot = words.filter((w) => w.startsWith("-")).map((w) => w.slice(1));
		return (row) => {
			const text = this.of(row);
			return must.every((w) => text.includes(w)) && !mustNot.some((w) => text.includes(w));
		};
	}
}
