import { coded } from "./frame";

/** By the codec of a frame: what WebCodecs calls it. */
const names: Record<number, string> = { 1: "vp09.00.51.08", 2: "av01.0.13M.08" };

/** The packets' colours. A short name of VP9 would stand for others. */
const colours: VideoColorSpaceInit = { primaries: "bt709", transfer: "iec61966-2-1", matrix: "smpte170m", fullRange: true };

/** What is waited for a picture that does not come, in ms. */
const patience = 2000;

/** A region of video: one packet in, one picture out. */
export class Video {
	private decoder: VideoDecoder | undefined;
	private is = "";
	private heard: ((f: VideoFrame | Error | undefined) => void) | undefined;

	/** The picture, which the caller closes; none where the region has not begun with a whole one. */
	async decode(codec: number, w: number, h: number, data: Uint8Array, timeMs: number): Promise<VideoFrame | undefined> {
		const key = ((data[0] ?? 0) & 1) !== 0;
		const is = `${codec} ${w} ${h}`;
		if (this.decoder === undefined || this.is !== is || this.decoder.state !== "configured") {
			if (!key) {
				return undefined;
			}
			this.begin(codec, w, h);
			this.is = is;
		}
		const shown = await new Promise<VideoFrame | Error | undefined>((heard) => {
			const late = setTimeout(() => heard(new Error("no picture came of a packet")), patience);
			this.heard = (f) => {
				clearTimeout(late);
				heard(f);
			};
			try {
				this.decoder?.decode(
					new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: timeMs * 1000, data: data.subarray(1) }),
				);
			} catch (e) {
				this.heard(e instanceof Error ? e : new Error(String(e)));
			}
		});
		this.heard = undefined;
		if (shown instanceof Error) {
			this.close();
			throw shown;
		}
		if (shown !== undefined && (shown.displayWidth > coded(w) || shown.displayHeight > coded(h))) {
			shown.close();
			this.close();
			throw new Error("a picture larger than its place");
		}
		return shown;
	}

	private begin(codec: number, w: number, h: number): void {
		this.close();
		this.decoder = new VideoDecoder({
			output: (f) => (this.heard === undefined ? f.close() : this.heard(f)),
			error: (e) => this.heard?.(e),
		});
		this.decoder.configure({
			codec: names[codec] ?? "",
			codedWidth: w,
			codedHeight: h,
			colorSpace: colours,
			optimizeForLatency: true,
		});
	}

	close(): void {
		if (this.decoder !== undefined && this.decoder.state !== "closed") {
			this.decoder.close();
		}
		this.decoder = undefined;
		const heard = this.heard;
		this.heard = undefined;
		heard?.(undefined);
	}
}

/** A film's picture as pixels, row by row. */
export interface Shot {
	width: number;
	height: number;
	pixels: Uint8ClampedArray<ArrayBuffer>;
}

/**
 * A picture's pixels, where it lies in memory: painting it as it is would have
 * the page's own thread turn its colours, 14 ms of 1920x1080 without a graphics
 * card. Elsewhere none, and the picture is painted.
 */
export async function shotOf(picture: VideoFrame): Promise<Shot | undefined> {
	const { displayWidth: width, displayHeight: height } = picture;
	if (picture.format === null) {
		return undefined;
	}
	const how: VideoFrameCopyToOptions = { format: "RGBA", rect: { x: 0, y: 0, width, height } };
	try {
		if (picture.allocationSize(how) !== width * height * 4) {
			return undefined; // a browser that knows no format but the picture's own
		}
		const pixels = new Uint8ClampedArray(width * height * 4);
		await picture.copyTo(pixels, how);
		return { width, height, pixels };
	} catch {
		return undefined;
	}
}
