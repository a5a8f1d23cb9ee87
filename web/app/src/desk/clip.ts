import type { Input } from "./keyboard";

export const plain = "text/plain;charset=utf-8";
export const png = "image/png";

/** The longest content of a clipboard that is taken or given, in bytes: the device's bound. */
export const maxClip = 8 << 20;
const part = 12 * 1024;

export interface Content {
	mime: string;
	bytes: Uint8Array<ArrayBuffer>;
}

export function textOf(c: Content): string {
	return new TextDecoder().decode(c.bytes);
}

export function contentOf(text: string): Content {
	return { mime: plain, bytes: new TextEncoder().encode(text) };
}

/** How much of a text is shown, in UTF-16 units. */
const shownText = 2000;

/** The beginning of a text; nothing of a picture. */
export function previewOf(c: Content): string {
	return c.mime === plain ? textOf({ mime: plain, bytes: c.bytes.subarray(0, shownText * 3) }).slice(0, shownText) : "";
}

/** A picture's size as a PNG's head has it. */
export function sizeOf(c: Content): { width: number; height: number } | undefined {
	if (c.mime !== png || c.bytes.length < 24) {
		return undefined;
	}
	const v = new DataView(c.bytes.buffer, c.bytes.byteOffset);
	return { width: v.getUint32(16), height: v.getUint32(20) };
}

/** A content in messages. */
export function clipParts(c: Content): Input[] {
	const out: Input[] = [];
	for (let offset = 0; offset === 0 || offset < c.bytes.length; offset += part) {
		out.push({
			case: "clipboard",
			value: { mime: c.mime, total: c.bytes.length, offset, part: c.bytes.subarray(offset, offset + part) },
		});
	}
	return out;
}

/** Puts a device's parts together; what does not fit begins anew or is dropped. */
export class Incoming {
	private mime = "";
	private total = 0;
	/** Grows with what comes, not by what is announced. */
	private bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
	private got = 0;

	add(p: { mime: string; total: number; offset: number; part: Uint8Array }): Content | undefined {
		if (p.offset === 0) {
			this.drop();
			this.mime = p.mime;
			this.total = p.total <= maxClip && (p.mime === plain || p.mime === png) ? p.total : 0;
		}
		if (p.mime !== this.mime || p.total !== this.total || p.offset !== this.got || p.offset + p.part.length > p.total) {
			this.drop();
			return undefined;
		}
		if (this.got + p.part.length > this.bytes.length) {
			const more = new Uint8Array(Math.min(this.total, 2 * (this.got + p.part.length)));
			more.set(this.bytes.subarray(0, this.got));
			this.bytes = more;
		}
		this.bytes.set(p.part, this.got);
		this.got += p.part.length;
		if (this.got < p.total || p.total === 0) {
			return undefined;
		}
		const content = { mime: this.mime, bytes: this.bytes };
		this.drop();
		return content;
	}

	private drop(): void {
		this.bytes = new Uint8Array(0);
		this.total = this.got = 0;
	}
}

/** Reads the clipboard; the browser may ask the person first, or refuse. */
export async function readClipboard(): Promise<Content | undefined> {
	for (const item of await navigator.clipboard.read()) {
		if (item.types.includes("text/plain")) {
			return contentOf(await (await item.getType("text/plain")).text());
		}
		if (item.types.includes(png)) {
			return { mime: png, bytes: new Uint8Array(await (await item.getType(png)).arrayBuffer()) };
		}
	}
	return undefined;
}

/** Writes the clipboard, where the browser lets it. */
export async function writeClipboard(c: Content): Promise<void> {
	if (c.mime === plain) {
		await navigator.clipboard.writeText(textOf(c));
	} else {
		await navigator.clipboard.write([new ClipboardItem({ [png]: new Blob([c.bytes], { type: png }) })]);
	}
}

/** What a paste event brings, without a permission. */
export async function pastedContent(data: DataTransfer | null): Promise<Content | undefined> {
	const text = data?.getData("text/plain") ?? "";
	if (text !== "") {
		return contentOf(text);
	}
	for (const item of data?.items ?? []) {
		const file = item.type === png ? item.getAsFile() : null;
		if (file !== null) {
			return { mime: png, bytes: new Uint8Array(await file.arrayBuffer()) };
		}
	}
	return undefined;
}
