import { type Copy, type Frame, FrameError, maxPixels, maxSide, readFrame, type Tile } from "./frame";
import { Video } from "./video";
import { Zstd } from "./zstd";

/** A frame ready to be painted: its pixels, or its picture of video. */
export interface Painting {
	number: number;
	complete: boolean;
	copies: Copy[];
	tiles: Tile[];
	/** All tiles' pixels, one after the other; none where `video` has them. */
	pixels: Uint8ClampedArray<ArrayBuffer> | undefined;
	video: VideoFrame | undefined;
}

/**
 * Makes paintings of frames, in the order they came: one of video is ready
 * later, and those behind it wait.
 */
export class Unpacker {
	private width = 0;
	private height = 0;
	private readonly zstd = new Zstd();
	private readonly video = new Video();
	private readonly waiting: Frame[] = [];
	private busy = false;

	constructor(
		private readonly ready: (p: Painting) => void,
		/** The browser cannot show video after all. */
		private readonly noVideo: (why: string) => void,
	) {}

	/** The picture begins anew; what waits was meant for the old one. */
	resize(width: number, height: number): void {
		if (width < 1 || height < 1 || width > maxSide || height > maxSide || width * height > maxPixels) {
			throw new FrameError(`a picture of ${width} by ${height}`);
		}
		this.waiting.length = 0;
		this.video.close();
		this.width = width;
		this.height = height;
	}

	add(bytes: Uint8Array): void {
		const f = readFrame(bytes, this.width, this.height);
		if (this.busy) {
			this.waiting.push(f);
		} else {
			this.unpack(f);
		}
	}

	private unpack(f: Frame): void {
		if (f.codec === 0) {
			const pixels = new Uint8ClampedArray(f.raw);
			if (f.raw > 0) {
				this.zstd.unpack(f.data, new Uint8Array(pixels.buffer));
			}
			this.ready({ number: f.number, complete: f.complete, copies: f.copies, tiles: f.tiles, pixels, video: undefined });
			return;
		}
		this.busy = true;
		void this.motion(f).then((video) => {
			this.busy = false;
			this.ready({ number: f.number, complete: f.complete, copies: f.copies, tiles: f.tiles, pixels: undefined, video });
			while (!this.busy && this.waiting.length > 0) {
				this.unpack(this.waiting.shift()!);
			}
		});
	}

	private async motion(f: Frame): Promise<VideoFrame | undefined> {
		const [t] = f.tiles;
		try {
			return t && (await this.video.decode(f.codec, t.w, t.h, f.data, f.timeMs));
		} catch (e) {
			this.noVideo(e instanceof Error ? e.message : String(e));
			return undefined;
		}
	}
}
