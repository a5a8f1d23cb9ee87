import { coded, type Tile } from "./frame";
import type { Painting } from "./unpack";
import type { Shot } from "./video";

/**
 * The picture on its canvas, on the page's own thread: what a worker paints on a
 * canvas of its own is shown a frame later, and half of all waiting is that.
 */
export class Picture {
	private readonly ctx: CanvasRenderingContext2D;
	/** A film's picture that is to be stretched. */
	private small: OffscreenCanvas | undefined;

	constructor(private readonly canvas: HTMLCanvasElement) {
		const ctx = canvas.getContext("2d", { alpha: false });
		if (ctx === null) {
			throw new Error("no canvas");
		}
		this.ctx = ctx;
	}

	resize(width: number, height: number): void {
		this.canvas.width = width;
		this.canvas.height = height;
		this.small = undefined;
	}

	paint(p: Painting): void {
		for (const c of p.copies) {
			this.ctx.drawImage(this.canvas, c.sx, c.sy, c.w, c.h, c.dx, c.dy, c.w, c.h);
		}
		if (p.video !== undefined) {
			this.film(p.video, p.tiles[0]!);
		}
		if (p.pixels !== undefined) {
			let at = 0;
			for (const t of p.tiles) {
				const n = t.w * t.h * 4;
				this.ctx.putImageData(new ImageData(p.pixels.subarray(at, at + n), t.w, t.h), t.x, t.y);
				at += n;
			}
		}
	}

	private film(video: VideoFrame | Shot, t: Tile): void {
		if (!("pixels" in video)) {
			this.stretch(video, video.displayWidth, video.displayHeight, t);
			video.close();
			return;
		}
		const { width, height } = video;
		const image = new ImageData(video.pixels, width, height);
		if (width === coded(t.w) && height === coded(t.h)) {
			this.ctx.putImageData(image, t.x, t.y, 0, 0, t.w, t.h);
			return;
		}
		if (this.small?.width !== width || this.small.height !== height) {
			this.small = new OffscreenCanvas(width, height);
		}
		this.small.getContext("2d", { alpha: false })?.putImageData(image, 0, 0);
		this.stretch(this.small, width, height, t);
	}

	/** A film that takes the device too long comes smaller. */
	private stretch(picture: CanvasImageSource, width: number, height: number, t: Tile): void {
		const w = (t.w * width) / coded(t.w);
		const h = (t.h * height) / coded(t.h);
		this.ctx.drawImage(picture, 0, 0, w, h, t.x, t.y, t.w, t.h);
	}
}
