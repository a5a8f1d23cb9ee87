import { useCallback, useState } from "react";

/** Something done at a click: whether it is under way, and how it failed. */
export interface Act {
	busy: boolean;
	/** What it failed with; null where it did not. */
	error: unknown;
	run: (what: () => Promise<unknown>) => Promise<void>;
	/** Forgets the error. */
	forget: () => void;
}

export function useAct(): Act {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState<unknown>(null);
	const run = useCallback(async (what: () => Promise<unknown>): Promise<void> => {
		setBusy(true);
		setError(null);
		try {
			await what();
		} catch (failed) {
			setError(failed);
		} finally {
			setBusy(false);
		}
	}, []);
	const forget = useCallback(() => setError(null), []);
	return { busy, error, run, forget };
}
