import type { Say } from "./keyboard";

/** Well below the time after which a device takes the silence of a hand for a lost link. */
const every = 500;

/**
 * Says, for as long as anything is held, that it is. What is let go of before
 * long costs no word of its own: that there will be words is said once.
 */
export class Grip {
	private beat: ReturnType<typeof setInterval> | undefined;

	constructor(
		private readonly say: Say,
		private readonly holds: () => boolean,
	) {}

	/** A device begins to listen. */
	greet(): void {
		this.tell();
	}

	/** Something was pressed, or let go of. */
	changed(): void {
		if (!this.holds()) {
			clearInterval(this.beat);
			this.beat = undefined;
		} else if (this.beat === undefined) {
			this.beat = setInterval(() => this.tell(), every);
		}
	}

	private tell(): void {
		this.say({ case: "held", value: {} });
	}
}
