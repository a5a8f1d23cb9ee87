/**
 * What dead keys put together, where xterm loses it. Firefox under X11 names
 * the key that ends a composition, ends it empty, and says what came of it by
 * an input event, in the same task or in the next:
 *
 *	keydown e (composing) ──> compositionend "" ──> input insertText "é"
 *
 * xterm takes the first for the end and sends the dead key, and looks for the
 * text too early or not at all.
 */
export function composes(host: HTMLElement, type: (text: string) => void): void {
	let empty = false;
	const on = <K extends keyof HTMLElementEventMap>(name: K, heard: (e: HTMLElementEventMap[K]) => void): void =>
		host.addEventListener(name, heard, { capture: true });
	on("keydown", (e) => {
		if (!e.isComposing) {
			empty = false;
		}
	});
	on("compositionend", (e) => {
		empty = e.data === "";
	});
	on("input", (e) => {
		const { inputType, data, isComposing, target } = e as InputEvent;
		if (!empty || isComposing || inputType !== "insertText" || data === null || !(target instanceof HTMLTextAreaElement)) {
			return;
		}
		e.stopPropagation();
		if (target.value.endsWith(data)) {
			// Else xterm may find it there and send it again.
			target.value = target.value.slice(0, -data.length);
		}
		type(data);
	});
}
