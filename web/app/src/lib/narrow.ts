import { useSyncExternalStore } from "react";

const medium = matchMedia("(max-width: 900px)");
const small = matchMedia("(max-width: 560px)");

function subscribe(heard: () => void): () => void {
	medium.addEventListener("change", heard);
	small.addEventListener("change", heard);
	return () => {
		medium.removeEventListener("change", heard);
		small.removeEventListener("change", heard);
	};
}

/** How narrow the page is: "" has room for all, "s" is a phone. */
export function useNarrow(): "" | "m" | "s" {
	return useSyncExternalStore(subscribe, () => (small.matches ? "s" : medium.matches ? "m" : ""));
}
