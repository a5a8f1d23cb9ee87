import type { FromWorker, ToWorker } from "./talk";
import { Unpacker } from "./unpack";

// Unpacks, apart from the page, what would keep the page busy.
const scope = self as unknown as {
	onmessage: ((e: MessageEvent<ToWorker>) => void) | null;
	postMessage(m: FromWorker, transfer?: Transferable[]): void;
};

let of = 0; // the picture

const broken = (why: unknown): void => scope.postMessage({ broken: why instanceof Error ? why.message : String(why), of });

const unpacker = new Unpacker(
	(paint) => {
		const { video, pixels } = paint;
		const carried = video === undefined ? pixels?.buffer : "pixels" in video ? video.pixels.buffer : video;
		scope.postMessage({ paint, of }, carried === undefined ? [] : [carried]);
	},
	(why) => scope.postMessage({ noVideo: why, of }),
	broken,
);

scope.onmessage = ({ data: m }) => {
	try {
		if ("begin" in m) {
			of = m.of;
			unpacker.begin(m.begin.width, m.begin.height);
		} else {
			unpacker.add(new Uint8Array(m.frame, 1));
		}
	} catch (why) {
		broken(why);
	}
};
