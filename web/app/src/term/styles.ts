/**
 * xterm writes its colours and measures into <style> elements, and colours of
 * 24 bits into style attributes. The policy of the pages allows neither, and
 * allows what script does through the CSSOM. So while xterm makes its
 * elements, "style" gives an element whose text becomes a constructable style
 * sheet, and every element takes a style attribute as properties.
 */

class SheetElement {
	static make(doc: Document): HTMLElement {
		const sheet = new CSSStyleSheet();
		const el = doc.createElement("span");
		el.hidden = true;
		doc.adoptedStyleSheets = [...doc.adoptedStyleSheets, sheet];
		const remove = el.remove.bind(el);
		Object.defineProperties(el, {
			textContent: { set: (text: string) => sheet.replaceSync(text), get: () => "" },
			remove: {
				value: () => {
					doc.adoptedStyleSheets = doc.adoptedStyleSheets.filter((s) => s !== sheet);
					remove();
				},
			},
		});
		return el;
	}
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
	if (name === "style") {
		this.style.cssText = value;
	} else {
		Element.prototype.setAttribute.call(this, name, value);
	}
}

function make(tag: string): HTMLElement {
	if (tag === "style") {
		return SheetElement.make(document);
	}
	const el = Document.prototype.createElement.call(document, tag);
	if (tag === "span") {
		el.setAttribute = setAttribute;
	}
	return el;
}

/** The document for ITerminalOptions.documentOverride. */
export const terminalDocument: Document = new Proxy(document, {
	get(doc, name) {
		if (name === "createElement") {
			return make;
		}
		const value: unknown = Reflect.get(doc, name, doc);
		return typeof value === "function" ? value.bind(doc) : value;
	},
	set: (doc, name, value) => Reflect.set(doc, name, value, doc),
});

/** xterm 6 takes one of its style elements from window.document, whatever it was given: while open runs. */
export function withoutStyleElements(open: () => void): void {
	document.createElement = ((tag: string) =>
		tag === "style" ? make(tag) : Document.prototype.createElement.call(document, tag)) as typeof document.createElement;
	try {
		open();
	} finally {
		Reflect.deleteProperty(document, "createElement");
	}
}
