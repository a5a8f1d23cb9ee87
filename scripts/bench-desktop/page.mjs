// The browser's side: reads one command a line, answers one line each.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const puppeteer = createRequire(new URL("../../web/app/package.json", import.meta.url))("puppeteer-core");

// What a page sends and gets is told to nobody: hearing of each message takes
// the better part of a millisecond of one of the cores, in the midst of it.
const browser = await puppeteer.launch({
	executablePath: process.env.WARREN_CHROMIUM ?? "/usr/bin/chromium",
	args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
	defaultViewport: { width: 1920, height: 1200 },
	pipe: true,
	networkEnabled: false,
});
let page;

// Reads the pattern at every frame of the browser, or, "early", as soon as
// something is painted on the canvas; runs in the page.
function watch() {
	const blocks = 32;
	const probe = document.createElement("canvas");
	probe.width = 640;
	probe.height = 1;
	const ctx = probe.getContext("2d", { willReadFrequently: true });
	const bench = { seen: [], last: -1, heard: undefined };
	window.bench = bench;
	// When the next number is seen; undefined where none comes.
	bench.next = (ms) =>
		new Promise((done) => {
			bench.heard = done;
			setTimeout(done, ms);
		});
	// How long a key takes there and back. Keys are pressed at all phases of the
	// browser's frames alike: what waits for the next one is as long as a phase
	// lets it.
	let phase = Math.random();
	bench.press = async () => {
		phase = (phase + 0.618034) % 1;
		const due = await new Promise((done) => {
			requestAnimationFrame((frame) => {
				const at = frame + 50 + (phase * 4000) / 60;
				setTimeout(() => done(at), at - performance.now() - 1);
			});
		});
		while (performance.now() < due) {
			// A timer knows whole milliseconds alone.
		}
		const target = document.activeElement;
		const key = { code: "KeyA", key: "a", bubbles: true, cancelable: true };
		const seen = bench.next(2000);
		const pressed = performance.timeOrigin + performance.now();
		target.dispatchEvent(new KeyboardEvent("keydown", key));
		// As long as a person's finger is down.
		const up = new Promise((done) => setTimeout(done, 80));
		const took = ((await seen) ?? pressed + 2000) - pressed;
		await up;
		target.dispatchEvent(new KeyboardEvent("keyup", key));
		return took;
	};
	bench.read = () => {
		const canvas = document.querySelector(".desk-canvas") ?? document.querySelector("canvas");
		if (canvas === null || canvas.width < 640) {
			return -1;
		}
		ctx.drawImage(canvas, 0, 16, 640, 1, 0, 0, 640, 1);
		const d = ctx.getImageData(0, 0, 640, 1).data;
		let high = 0;
		let low = 0;
		for (let i = 0; i < blocks; i++) {
			const bit = d[(i * 20 + 10) * 4 + 1] > 127 ? 1 : 0;
			if (i < 16) {
				high = (high << 1) | bit;
			} else {
				low = (low << 1) | bit;
			}
		}
		return (high ^ low) === 0xffff ? high : -1;
	};
	const look = () => {
		const now = performance.timeOrigin + performance.now();
		const n = bench.read();
		if (n >= 0 && n !== bench.last) {
			bench.last = n;
			bench.seen.push([n, now]);
			bench.heard?.(now);
		}
	};
	let early = false;
	const tick = () => {
		if (!early) {
			look();
		}
		requestAnimationFrame(tick);
	};
	requestAnimationFrame(tick);
	// The painting of a page is one task, which is looked at when it is done.
	bench.early = () => {
		early = true;
		let due = false;
		for (const name of ["drawImage", "putImageData"]) {
			const does = CanvasRenderingContext2D.prototype[name];
			CanvasRenderingContext2D.prototype[name] = function (...args) {
				does.apply(this, args);
				if (this !== ctx && !due) {
					due = true;
					queueMicrotask(() => {
						look();
						due = false;
					});
				}
			};
		}
	};
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const commands = {
	async open({ url }) {
		page = await browser.newPage();
		await page.evaluateOnNewDocument(watch);
		await page.goto(url);
		return {};
	},
	// The first picture there is, and how long it took from the click.
	async click({ name }) {
		const button = await page.waitForSelector(`::-p-aria([name="${name}"][role="button"])`);
		await pause(500);
		await page.evaluate(() => {
			window.bench.seen.length = 0;
			window.bench.last = -1;
			addEventListener("click", () => (window.bench.clicked = performance.timeOrigin + performance.now()), { capture: true, once: true });
		});
		await button.click();
		const ms = await page.evaluate(async () => {
			if (window.bench.seen.length === 0) {
				await window.bench.next(20_000);
			}
			return window.bench.seen.length > 0 ? window.bench.seen[0][1] - window.bench.clicked : -1;
		});
		if (ms < 0) {
			throw new Error("no picture within 20 s of the click");
		}
		return { ms };
	},
	async ready() {
		await page.waitForFunction(() => window.bench.last >= 0, { timeout: 20_000 });
		return {};
	},
	async early() {
		await page.evaluate(() => window.bench.early());
		return {};
	},
	async watch({ ms }) {
		await page.evaluate(() => (window.bench.seen.length = 0));
		await pause(ms);
		return { seen: await page.evaluate(() => window.bench.seen) };
	},
	async keys({ n }) {
		await ((await page.$(".desk-keys")) ?? (await page.$("canvas"))).focus();
		// Nothing but the page takes part: what drives the browser runs on the same cores.
		const rtt = await page.evaluate(async (n) => {
			const took = [];
			while (took.length < n) {
				took.push(await window.bench.press());
			}
			return took;
		}, n);
		return { rtt };
	},
	async quality() {
		return { mode: await page.evaluate(() => document.querySelector("[data-quality]")?.getAttribute("data-quality") ?? "") };
	},
	async close() {
		await page?.close();
		page = undefined;
		return {};
	},
};

for await (const line of createInterface({ input: process.stdin })) {
	const command = JSON.parse(line);
	let answer;
	try {
		answer = await commands[command.do](command);
	} catch (e) {
		answer = { error: String(e).split("\n")[0] };
	}
	process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
