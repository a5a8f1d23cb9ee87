// A device that means ill, as far as a node passes it on.
import { assert, until, visible } from "../story.mjs";

/** In the page: a node's end of the desktop's WebSocket that says what it is told to. */
function evil() {
	const Real = WebSocket;
	const varint = (n) => {
		const out = [];
		for (; n > 127; n = Math.floor(n / 128)) {
			out.push((n % 128) | 128);
		}
		return [...out, n];
	};
	const bytes = (field, content) => [...varint(field * 8 + 2), ...varint(content.length), ...content];
	const number = (field, n) => [...varint(field * 8), ...varint(n)];
	const text = (field, s) => bytes(field, new TextEncoder().encode(s));
	const message = (kind, body) => new Uint8Array([kind, ...body]).buffer;

	class Evil {
		static OPEN = 1;
		readyState = 0;
		constructor(url, protocol) {
			if (!String(url).includes("/console/desktop")) {
				return new Real(url, protocol);
			}
			window.evil = this;
			setTimeout(() => {
				this.readyState = 1;
				this.onopen();
			});
		}
		send() {}
		close() {
			this.readyState = 3;
		}
		say(data) {
			this.onmessage({ data });
		}
		event(field, body) {
			return message(1, bytes(field, body));
		}
		ready(w, h) {
			return this.event(1, [...text(1, ":0"), ...number(2, w), ...number(3, h), ...number(6, 1)]);
		}
		cursor(id) {
			const shape = new Uint8Array(64 * 64 * 4).fill(200);
			shape[0] = id;
			return this.event(2, [...number(1, id), ...number(2, 64), ...number(3, 64), ...bytes(6, shape)]);
		}
		copied(total, n) {
			return this.event(4, [...text(1, "text/plain;charset=utf-8"), ...number(2, total), ...bytes(4, new TextEncoder().encode(`copy ${n}`.padEnd(total > 4096 ? 4096 : total)))]);
		}
		note(n) {
			return this.event(8, text(1, `\u202e${n} `.repeat(100)));
		}
		displays(n) {
			return this.event(9, Array.from({ length: 64 }, (_, i) => bytes(1, [...text(1, `:${i}`), ...text(2, `\u202euser ${n}`)])).flat());
		}
		/** A frame: copies of the left half to the right, and the film's region with its bytes. */
		frame(n, copies, film) {
			const b = new Uint8Array(1 + 18 + copies * 12 + (film ? 8 + film.length : 0));
			const v = new DataView(b.buffer);
			v.setUint8(0, 3);
			v.setUint32(1, n, true);
			v.setUint8(9, film ? 1 : 0);
			v.setUint16(11, copies, true);
			v.setUint16(13, film ? 1 : 0, true);
			v.setUint32(15, film ? film.length : 0, true);
			for (let i = 0; i < copies; i++) {
				[0, 0, 960, 1080, 960, 0].forEach((x, k) => v.setUint16(19 + i * 12 + k * 2, x, true));
			}
			if (film) {
				[0, 0, 640, 480].forEach((x, k) => v.setUint16(19 + copies * 12 + k * 2, x, true));
				b.set(film, 27 + copies * 12);
			}
			return b.buffer;
		}
		/** So many messages, each in a turn of its own, and the longest that the page had no time for anything else, in ms. */
		async storm(n, make) {
			let last = performance.now();
			let longest = 0;
			const look = () => {
				longest = Math.max(longest, performance.now() - last);
				last = performance.now();
			};
			const ticking = setInterval(look, 5);
			const { port1, port2 } = new MessageChannel();
			await new Promise((done) => {
				let i = 0;
				port2.onmessage = () => {
					if (i === n) {
						done();
						return;
					}
					const m = make(i++);
					this.say(m);
					port1.postMessage(0);
				};
				port1.postMessage(0);
			});
			await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
			look();
			clearInterval(ticking);
			return longest;
		}
	}
	window.WebSocket = Evil;
}

export const harm = {
	/** Storms of whatever a device may say leave the page to its person, and the next session as it should be. */
	async harm(s) {
		const context = await s.context();
		const page = await context.newPage();
		await page.addInitScript(evil);
		page.setDefaultTimeout(20_000);
		await page.goto(s.warren("desktop", "kiosk-1", "--no-open"));
		const begin = async () => {
			await until("the page asks for a desktop", () => page.evaluate(() => window.evil?.readyState === 1));
			await page.evaluate(() => {
				window.evil.say(JSON.stringify({ opened: { session: "s", path: { kind: "lan" } } }));
				window.evil.say(window.evil.ready(1920, 1080));
			});
		};
		await begin();
		const cdp = await context.newCDPSession(page);
		await cdp.send("Performance.enable");
		const heap = async () => {
			await cdp.send("HeapProfiler.collectGarbage");
			const { metrics } = await cdp.send("Performance.getMetrics");
			return metrics.find((m) => m.name === "JSHeapUsedSize").value / 2 ** 20;
		};
		const before = await heap();
		const storms = {
			copies: () => window.evil.storm(20, (n) => window.evil.frame(n + 1, 16)),
			film: () => window.evil.storm(60, (n) => window.evil.frame(n + 21, 0, crypto.getRandomValues(new Uint8Array(2000)).fill(1, 0, 1))),
			sizes: () => window.evil.storm(100, (n) => (n % 2 === 0 ? window.evil.ready(7680, 8640) : window.evil.ready(8640, 7680))),
			shapes: () => window.evil.storm(300, (n) => window.evil.cursor(n)),
			announced: () => window.evil.storm(300, (n) => window.evil.copied(8 << 20, n)),
			copied: () => window.evil.storm(300, (n) => window.evil.copied(4096, n)),
			notes: () => window.evil.storm(300, (n) => window.evil.note(n)),
			displays: () => window.evil.storm(300, (n) => window.evil.displays(n)),
		};
		for (const [name, storm] of Object.entries(storms)) {
			const longest = await page.evaluate(storm);
			s.measure(`longest without an answer, ${name}`, `${longest.toFixed(0)} ms`);
			assert(longest < 1000, `a storm of ${name} keeps the page for ${longest} ms`);
			await page.evaluate(() => window.evil.say(window.evil.ready(1920, 1080)));
		}
		const grown = (await heap()) - before;
		s.measure("more of the page's heap afterwards", `${grown.toFixed(0)} MB`);
		assert(grown < 150, `the page has ${grown} MB more`);

		// What is none of a desktop's ends it, and the next one is as it should be.
		await page.evaluate(() => window.evil.say(window.evil.frame(1000, 17)));
		await visible(page, "a frame of 17 copies");
		await page.getByRole("button", { name: "Open again" }).click();
		await begin();
		await page.evaluate(() => window.evil.say(window.evil.frame(1, 1)));
		await page.getByRole("img", { name: "open", exact: true }).waitFor();
	},
};
