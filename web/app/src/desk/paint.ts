import type { Painting } from "./unpack";
import { coded } from "./video";

/**
 * The picture on its canvas, on the page's own thread: what a worker paints on a
 * canvas of its own is shown a frame later, and half of all waiting is that.
 */
export class Picture {
	private readonly ctx: CanvasRenderingContext2D;

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
	}

	paint(p: Painting): void {
		for (const c of p.copies) {
			this.ctx.drawImage(this.canvas, c.sx, c.sy, c.w, c.h, c.dx, c.dy, c.w, c.h);
		}
		if (p.video !== undefined) {
			const t = p.tiles[0]!;
			// A film that takes the device too long comes smaller, and is stretched.
			const w = (t.w * p.video.displayWidth) / coded(t.w);
			const h = (t.h * p.video.displayHeight) / coded(t.h);
			this.ctx.drawImage(p.video, 0, 0, w, h, t.x, t.y, t.w, t.h);
			p.video.close();
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
}
