import type { ScreenCursor } from "../gen/screen_pb";
import { pngOf } from "./png";
import type { Place } from "./pointer";

const most = 128; // browsers show none that is larger

/** The shapes that came last, as many as a device counts on. */
export class Shapes<T> {
	private readonly known = new Map<number, T>();

	put(id: number, shape: T): void {
		this.known.delete(id);
		this.known.set(id, shape);
		for (const oldest of this.known.keys()) {
			if (this.known.size <= 256) {
				break;
			}
			this.known.delete(oldest);
		}
	}

	get(id: number): T | undefined {
		return this.known.get(id);
	}
}

/**
 * The pointer's shape: the browser's own cursor, so that it is never late; and
 * a drawn one where somebody else moves it.
 */
export class Cursor {
	private readonly shapes = new Shapes<{ url: string; css: string; hotX: number; hotY: number }>();
	private readonly drawn = document.createElement("img");
	private hide: ReturnType<typeof setTimeout> | undefined;

	constructor(
		host: HTMLElement,
		private readonly canvas: HTMLCanvasElement,
	) {
		this.drawn.className = "desk-pointer";
		this.drawn.alt = "";
		this.drawn.hidden = true;
		host.append(this.drawn);
	}

	shape(c: ScreenCursor): void {
		if (c.hidden) {
			this.canvas.style.cursor = "none";
			return;
		}
		if (c.rgba.length > 0 && c.rgba.length === c.width * c.height * 4 && c.width <= most && c.height <= most) {
			const url = urlOf(c);
			const [hotX, hotY] = [Math.min(c.hotX, c.width - 1), Math.min(c.hotY, c.height - 1)];
			this.shapes.put(c.id, { url, hotX, hotY, css: `url("${url}") ${hotX} ${hotY}, default` });
		}
		const known = this.shapes.get(c.id);
		this.canvas.style.cursor = known?.css ?? "default";
		if (known !== undefined) {
			this.drawn.src = known.url;
			this.drawn.style.translate = `${-known.hotX}px ${-known.hotY}px`;
		}
	}

	/** It is where this browser's own is. */
	own(): void {
		this.drawn.hidden = true;
	}

	/** Another has moved it. */
	elsewhere(at: Place, size: { width: number; height: number } | undefined): void {
		if (size === undefined || this.drawn.src === "") {
			return;
		}
		const box = this.canvas.getBoundingClientRect();
		const host = this.canvas.parentElement?.getBoundingClientRect() ?? box;
		this.drawn.style.left = `${box.left - host.left + (at.x * box.width) / size.width}px`;
		this.drawn.style.top = `${box.top - host.top + (at.y * box.height) / size.height}px`;
		this.drawn.hidden = false;
		clearTimeout(this.hide);
		this.hide = setTimeout(() => (this.drawn.hidden = true), 3000);
	}
}

function urlOf(c: ScreenCursor): string {
	const bytes = Array.from(pngOf(c.width, c.height, c.rgba), (b) => String.fromCharCode(b));
	return `data:image/png;base64,${btoa(bytes.join(""))}`;
}
