import { type Frame, FrameError, maxPixels, maxSide } from "./frame";
import { Video } from "./video";
import { Zstd } from "./zstd";

/**
 * The picture on its canvas. Frames are painted in the order they came: one of
 * video is ready later, and those behind it wait.
 */
export class Picture {
	private readonly ctx: OffscreenCanvasRenderingContext2D;
	private readonly zstd = new Zstd();
	private pixels = new Uint8ClampedArray(1 << 20);
	private readonly waiting: Frame[] = [];
	private busy = false;
	private readonly video: Video;

	constructor(
		private readonly canvas: OffscreenCanvas,
		private readonly painted: (f: Frame) => void,
		/** The browser cannot show video after all. */
		private readonly noVideo: (why: string) => void,
	) {
		const ctx = canvas.getContext("2d", { alpha: false });
		if (ctx === null) {
			throw new Error("no canvas");
		}
		this.ctx = ctx;
		this.video = new Video();
	}

	/** The picture begins anew; what waits was meant for the old one. */
	resize(width: number, height: number): void {
		if (width < 1 || height < 1 || width > maxSide || height > maxSide || width * height > maxPixels) {
			throw new FrameError(`a picture of ${width} by ${height}`);
		}
		this.waiting.length = 0;
		this.video.close();
		this.canvas.width = width;
		this.canvas.height = height;
	}

	get width(): number {
		return this.canvas.width;
	}

	get height(): number {
		return this.canvas.height;
	}

	paint(f: Frame): void {
		if (this.busy) {
			this.waiting.push(f);
			return;
		}
		if (f.codec === 0) {
			this.tiles(f);
			this.painted(f);
			return;
		}
		this.busy = true;
		this.motion(f)
			.catch((e: unknown) => this.noVideo(String(e)))
			.finally(() => {
				this.busy = false;
				this.painted(f);
				while (!this.busy && this.waiting.length > 0) {
					this.paint(this.waiting.shift()!);
				}
			});
	}

	private copies(f: Frame): void {
		for (const c of f.copies) {
			this.ctx.drawImage(this.canvas, c.sx, c.sy, c.w, c.h, c.dx, c.dy, c.w, c.h);
		}
	}

	private tiles(f: Frame): void {
		if (this.pixels.length < f.raw) {
			this.pixels = new Uint8ClampedArray(f.raw);
		}
		if (f.raw > 0) {
			this.zstd.unpack(f.data, new Uint8Array(this.pixels.buffer, 0, f.raw));
		}
		this.copies(f);
		let at = 0;
		for (const t of f.tiles) {
			const n = t.w * t.h * 4;
			this.ctx.putImageData(new ImageData(this.pixels.subarray(at, at + n), t.w, t.h), t.x, t.y);
			at += n;
		}
	}

	private async motion(f: Frame): Promise<void> {
		const [t] = f.tiles;
		this.copies(f);
		if (t === undefined) {
			return;
		}
		const shown = await this.video.decode(f.codec, t.w, t.h, f.data, f.timeMs);
		if (shown !== undefined) {
			this.ctx.drawImage(shown, 0, 0, t.w, t.h, t.x, t.y, t.w, t.h);
			shown.close();
		}
	}
}
