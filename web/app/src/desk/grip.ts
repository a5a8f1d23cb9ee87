import type { Say } from "./keyboard";

/** Well below the time after which a device takes the silence of a hand for a lost link. */
const every = 500;

/** Says, for as long as anything is held, that it is. */
export class Grip {
	private beat: ReturnType<typeof setInterval> | undefined;

	constructor(
		private readonly say: Say,
		private readonly holds: () => boolean,
	) {}

	/** Something was pressed, or let go of. */
	changed(): void {
		if (!this.holds()) {
			clearInterval(this.beat);
			this.beat = undefined;
		} else if (this.beat === undefined) {
			const tell = (): void => this.say({ case: "held", value: {} });
			tell();
			this.beat = setInterval(tell, every);
		}
	}
}
