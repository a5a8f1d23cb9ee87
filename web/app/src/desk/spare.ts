let spare: Worker | undefined;

const begun = (): Worker => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

/** Begins a worker that the next desktop finds running. */
export function prepareWorker(): void {
	spare ??= begun();
}

export function takeWorker(): Worker {
	const worker = spare ?? begun();
	spare = undefined;
	return worker;
}
