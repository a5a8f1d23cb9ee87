// A German keyboard: what its keys have on them, and what X calls them.

/** Alone, with Shift, with AltGr. */
const german = {
	KeyY: "zZ", KeyZ: "yY", Quote: "äÄ", Semicolon: "öÖ", BracketLeft: "üÜ", Minus: "ß?\\", Backslash: "#'", BracketRight: "+*~",
	Slash: "-_", Comma: ",;", Period: ".:", IntlBackslash: "<>|", Digit1: "1!", Digit2: '2"²', Digit3: "3§³", Digit4: "4$", Digit5: "5%", Digit6: "6&",
	Digit7: "7/{", Digit8: "8([", Digit9: "9)]", Digit0: "0=}", KeyQ: "qQ@", KeyE: "eE€", KeyM: "mMµ", Space: " ", Enter: "\n",
};

/** The keys that type a text: each with its character and its level, 1 with Shift, 2 with AltGr. */
export const strokes = (text) =>
	[...text].map((c) => {
		const [code, has] = Object.entries(german).find(([, all]) => all.includes(c)) ?? [`Key${c.toUpperCase()}`, c.toLowerCase() + c.toUpperCase()];
		return { code, c, level: [...has].indexOf(c) };
	});

const letters = (row) => [...row].map((c) => `Key${c}`);

/** Keys in a row, and the number of the first, as evdev counts. */
const numbered = {
	10: [...[..."1234567890"].map((d) => `Digit${d}`), "Minus", "Equal", "Backspace", "Tab"],
	24: [...letters("QWERTYUIOP"), "BracketLeft", "BracketRight", "Enter", "ControlLeft"],
	38: [...letters("ASDFGHJKL"), "Semicolon", "Quote", "Backquote", "ShiftLeft", "Backslash"],
	52: [...letters("ZXCVBNM"), "Comma", "Period", "Slash", "ShiftRight"],
	64: ["AltLeft", "Space", "CapsLock", ...Array.from({ length: 10 }, (_, i) => `F${i + 1}`)],
	94: ["IntlBackslash", "F11", "F12"],
	105: ["ControlRight"],
	108: ["AltRight"],
	110: ["Home", "ArrowUp", "PageUp", "ArrowLeft", "ArrowRight", "End", "ArrowDown", "PageDown", "Insert", "Delete"],
	135: ["ContextMenu"],
};

/** By a key's code in the DOM: its number on an X server. */
export const keycodes = new Map(Object.entries(numbered).flatMap(([first, codes]) => codes.map((code, i) => [code, Number(first) + i])));
