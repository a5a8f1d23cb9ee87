/**
 * xterm writes its colours and measures into <style> elements, and colours of
 * 24 bits into style attributes. The policy of the pages allows neither, and
 * allows what script does through the CSSOM. xterm takes some elements from
 * the document it is given and some from the global one, so it is the global
 * one that makes them: "style" is an element whose text becomes a
 * constructable style sheet, and a span takes a style attribute as properties.
 */

function sheetElement(): HTMLElement {
	const sheet = new CSSStyleSheet();
	const el = create("span");
	el.hidden = true;
	document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
	const remove = el.remove.bind(el);
	Object.defineProperties(el, {
		textContent: { set: (text: string) => sheet.replaceSync(text), get: () => "" },
		remove: {
			value: () => {
				document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet);
				remove();
			},
		},
	});
	return el;
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
	if (name === "style") {
		this.style.cssText = value;
	} else {
		Element.prototype.setAttribute.call(this, name, value);
	}
}

const create = (tag: string, options?: ElementCreationOptions): HTMLElement =>
	Document.prototype.createElement.call(document, tag, options);

/** From now on this document makes elements that the policy allows. */
export function styleByScript(): void {
	document.createElement = ((tag: string, options?: ElementCreationOptions): HTMLElement => {
		if (tag === "style") {
			return sheetElement();
		}
		const el = create(tag, options);
		if (tag === "span") {
			el.setAttribute = setAttribute;
		}
		return el;
	}) as typeof document.createElement;
}
