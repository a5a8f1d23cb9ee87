// The words of the pages, read from their sources, to find those of the wrong
// language on a page, and what is cut off.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

async function textsOf(language) {
	const { module } = await runnerImport(fileURLToPath(new URL(`../src/text/${language}.ts`, import.meta.url)));
	return module[language];
}

// What stands for a name or a number in a sentence that has some.
const hole = "\u0001";

/** The sentences of a language: whole ones, and the parts around what is put in. */
function sentences(text, whole = new Set(), parts = new Set()) {
	for (const leaf of Object.values(text)) {
		if (typeof leaf === "string") {
			whole.add(leaf);
		} else if (typeof leaf === "function") {
			for (const part of [leaf(hole, hole, hole)].flat().join(hole).split(hole)) {
				if (/\p{L}{3}.*\s.*\p{L}{2}/u.test(part)) {
					parts.add(part.trim());
				}
			}
		} else {
			sentences(leaf, whole, parts);
		}
	}
	return { whole, parts };
}

/** What is English and not German too. */
export async function onlyEnglish() {
	const [en, de] = (await Promise.all(["en", "de"].map(textsOf))).map((t) => sentences(t));
	return {
		whole: [...en.whole].filter((t) => !de.whole.has(t) && /\p{L}{2}/u.test(t)),
		parts: [...en.parts].filter((t) => ![...de.parts].some((d) => d.includes(t))),
	};
}

/** Texts of a page, labels and titles too, that are among these. */
export function leftOver(page, english) {
	return page.evaluate(({ whole, parts }) => {
		const found = new Set();
		const words = new Set(whole);
		const look = (text) => {
			const t = text.trim();
			if (words.has(t) || parts.some((p) => t.includes(p))) {
				found.add(t);
			}
		};
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) {
			// What the node tells is not the pages' to translate, nor is what was typed.
			if (!walk.currentNode.parentElement.closest(".name, .cm-editor, .xterm, script, code")) {
				look(walk.currentNode.data);
			}
		}
		for (const e of document.querySelectorAll(":is([aria-label], [title], [placeholder]):not(.name)")) {
			for (const a of ["aria-label", "title", "placeholder"]) {
				look(e.getAttribute(a) ?? "");
			}
		}
		return [...found];
	}, english);
}

/** Texts that a box around them hides in part. Names are clipped, and have a title. */
export function cutOff(page) {
	return page.evaluate(() => {
		const found = [];
		// On a phone tabs are swiped; on a desk nobody would think of it.
		for (const list of document.querySelectorAll("[role=tablist]")) {
			if (innerWidth > 760 && list.scrollWidth > list.clientWidth + 1) {
				found.push(list.innerText.replace(/\s+/g, " "));
			}
		}
		for (const field of document.querySelectorAll("input[placeholder]")) {
			const style = getComputedStyle(field);
			const pen = document.createElement("canvas").getContext("2d");
			pen.font = style.font;
			const room = field.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
			if (field.value === "" && field.checkVisibility() && pen.measureText(field.placeholder).width > room) {
				found.push(field.placeholder);
			}
		}
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) {
			const text = walk.currentNode;
			const at = text.parentElement;
			if (text.data.trim() === "" || at.closest(".name, .only-read, .skip, .xterm, .cm-editor, svg, script, noscript, .mono, .command") || !at.checkVisibility()) {
				continue;
			}
			const range = document.createRange();
			range.selectNodeContents(text);
			const r = range.getBoundingClientRect();
			for (let box = at; box !== null && box !== document.body; box = box.parentElement) {
				const style = getComputedStyle(box);
				const b = box.getBoundingClientRect();
				if (b.width <= 2) {
					break; // there to be read aloud
				}
				const hides = (o) => o === "hidden" || o === "clip";
				if (style.overflowX === "auto" || style.overflowX === "scroll" || style.overflowY === "auto" || style.overflowY === "scroll") {
					break;
				}
				if ((hides(style.overflowX) && (r.right > b.right + 1 || r.left < b.left - 1)) || (hides(style.overflowY) && r.bottom > b.bottom + 3)) {
					found.push(text.data.trim().slice(0, 80));
					break;
				}
			}
		}
		return found;
	});
}
