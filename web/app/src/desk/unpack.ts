import { type Copy, type Frame, readFrame, type Tile } from "./frame";
import { type Shot, shotOf, Video } from "./video";
import { Zstd } from "./zstd";

/** A frame ready to be painted: its pixels, or its picture of video. */
export interface Painting {
	number: number;
	complete: boolean;
	copies: Copy[];
	tiles: Tile[];
	/** All tiles' pixels, one after the other; none where the one tile is a film's picture. */
	pixels: Uint8ClampedArray<ArrayBuffer> | undefined;
	video: VideoFrame | Shot | undefined;
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
	/** A frame's video is not there yet. */
	private filming = false;
	/** Counts pictures: what was begun for an earlier one comes to nothing. */
	private picture = 0;

	constructor(
		private readonly ready: (p: Painting) => void,
		/** The browser cannot show video after all. */
		private readonly noVideo: (why: string) => void,
		/** What waited was no frame after all. */
		private readonly broken: (why: unknown) => void,
	) {}

	/** A picture of that size begins; nothing more comes of the one before. */
	begin(width: number, height: number): void {
		this.picture++;
		this.waiting.length = 0;
		this.filming = false;
		this.video.close();
		this.width = width;
		this.height = height;
	}

	add(bytes: Uint8Array): void {
		const f = readFrame(bytes, this.width, this.height);
		if (this.filming) {
			this.waiting.push(f);
		} else {
			this.unpack(f);
		}
	}

	private unpack(f: Frame): void {
		if (f.codec !== 0) {
			void this.film(f);
			return;
		}
		const pixels = new Uint8ClampedArray(f.raw);
		if (f.raw > 0) {
			this.zstd.unpack(f.data, new Uint8Array(pixels.buffer));
		}
		this.ready({ number: f.number, complete: f.complete, copies: f.copies, tiles: f.tiles, pixels, video: undefined });
	}

	private async film(f: Frame): Promise<void> {
		const picture = this.picture;
		this.filming = true;
		const decoded = await this.motion(f);
		const shot = decoded && (await shotOf(decoded));
		if (shot !== undefined || picture !== this.picture) {
			decoded?.close();
		}
		if (picture !== this.picture) {
			return;
		}
		this.filming = false;
		this.ready({ number: f.number, complete: f.complete, copies: f.copies, tiles: f.tiles, pixels: undefined, video: shot ?? decoded });
		try {
			while (!this.filming && this.waiting.length > 0) {
				this.unpack(this.waiting.shift()!);
			}
		} catch (e) {
			this.broken(e);
		}
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
