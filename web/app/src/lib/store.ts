import { useSyncExternalStore } from "react";

/** A value that lives outside the tree: what is in flight while pages come and go. */
export interface Store<T> {
	get(): T;
	set(next: T): void;
	subscribe(heard: () => void): () => void;
}

export function createStore<T>(initial: T): Store<T> {
	let value = initial;
	const listeners = new Set<() => void>();
	return {
		get: () => value,
		set(next) {
			if (Object.is(next, value)) {
				return;
			}
			value = next;
			for (const l of [...listeners]) {
				l();
			}
		},
		subscribe(heard) {
			listeners.add(heard);
			return () => listeners.delete(heard);
		},
	};
}

export function useStore<T>(store: Store<T>): T {
	return useSyncExternalStore(store.subscribe, store.get);
}
