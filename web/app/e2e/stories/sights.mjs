// What is seen and done on a watched desktop: who is asked first, programs of others, films.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { ask, countFilm, desk, display, filmOn, keys, on, opened, place, same, terminalOn, watched } from "../screen.mjs";
import { assert, until, visible } from "../story.mjs";

/** Clicks a window of ours on the display, by the hand of whoever sits there: so far from its right and lower edge. */
function press(x, right, bottom) {
	const id = ask(x, "xdotool", "search", "--onlyvisible", "--name", "^warren$").trim().split("\n").at(-1);
	const at = Object.fromEntries(ask(x, "xdotool", "getwindowgeometry", "--shell", id).trim().split("\n").map((l) => l.split("=")));
	ask(x, "xdotool", "mousemove", String(+at.X + +at.WIDTH - right), String(+at.Y + +at.HEIGHT - bottom), "click", "1");
}

const allow = (x) => press(x, 76, 40);
const deny = (x) => press(x, 196, 40);
const stop = (x) => press(x, 40, 18);

/** A page that is typed into, clicked and scrolled, and tells of it. */
const form = `<title>till</title><style>
		body { margin: 0; height: 3000px; background: linear-gradient(#dff, #fd8); font: 20px sans-serif; }
		textarea { position: absolute; left: 40px; top: 40px; width: 700px; height: 200px; caret-color: transparent; font: inherit; }
		button { position: absolute; left: 800px; top: 40px; width: 200px; height: 100px; }
	</style><textarea autofocus></textarea><button>0</button><script>
		document.querySelector("textarea").oninput = (e) => tell({ text: e.target.value });
		document.querySelector("button").onclick = (e) => tell({ clicks: ++e.target.textContent });
		onscroll = () => tell({ y: scrollY });
		tell({ ready: true });
	</script>`;

/** A page that shows a film no compression gets smaller, for some seconds from a key on. */
const noise = `<title>film</title><style>body { margin: 0; background: #123 }</style><canvas width="480" height="360"></canvas><script>
		const ctx = document.querySelector("canvas").getContext("2d");
		const picture = ctx.createImageData(480, 360);
		const all = new Uint32Array(picture.data.buffer);
		const paint = (until) => {
			for (let i = 0; i < all.length; i++) {
				all[i] = (Math.random() * 0x1000000) | 0xff000000;
			}
			ctx.putImageData(picture, 0, 0);
			if (Date.now() < until) {
				setTimeout(paint, 40, until);
			} else {
				tell({ over: true });
			}
		};
		onkeydown = () => paint(Date.now() + 8000);
		tell({ ready: true });
	</script>`;

/** Serves a page, and gives what it tells. */
async function listener(s, page) {
	const said = {};
	const server = createServer((q, r) => {
		if (q.method === "POST") {
			let body = "";
			q.on("data", (d) => (body += d));
			q.on("end", () => {
				Object.assign(said, JSON.parse(body));
				r.end();
			});
			return;
		}
		r.setHeader("Content-Type", "text/html; charset=utf-8");
		// What it tells comes one behind the other.
		r.end(`<!doctype html><script>
			let last = Promise.resolve();
			const tell = (what) => (last = last.then(() => fetch("/", { method: "POST", body: JSON.stringify(what) })));
		</script>${page}`);
	});
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	s.endings.push(() => server.close());
	return { said, url: `http://127.0.0.1:${server.address().port}/` };
}

/** A browser that fills a display. */
const browse = (s, x, url) =>
	on(s, x, "chromium", ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-background-networking", `--user-data-dir=${join(x.dir, "chromium")}`, "--kiosk", url]);

export const sights = {
	/** A private machine: whoever is at it is asked, sees who looks, and can end it. */
	async consent(s) {
		const x = await display(s);
		terminalOn(s, x, "echo my own things; sleep 600");
		await watched(s, x, "byod-2", ["--owner-device"]);
		const page = await desk(s, "byod-2", x);
		await visible(page, "The person at the device is asked");
		await s.axe(page, "desktop, consent");
		await s.picture(page, "desktop-consent-light-desktop");
		assert(await page.evaluate(() => document.querySelector(".desk-canvas").width === 1), "there is a picture before there is consent");
		await until("a yes opens it", async () => {
			allow(x);
			await page.getByRole("img", { name: "open", exact: true }).waitFor({ timeout: 1000 });
			return true;
		});
		await until("the picture", () => same(page, x));

		// The notice has a way out, which needs no mesh; nobody is asked again at once.
		stop(x);
		await visible(page, "The person at the device ended the session");
		await page.getByRole("button", { name: "Open again" }).click();
		await visible(page, "in two minutes you may ask again");
	},

	/** The answer is no. */
	async refusal(s) {
		const x = await display(s);
		terminalOn(s, x, "echo my own things; sleep 600");
		await watched(s, x, "byod-3", ["--owner-device"]);
		const page = await desk(s, "byod-3", x, {}, "&view");
		await visible(page, "The person at the device is asked");
		await until("a no ends it", async () => {
			deny(x);
			await page.getByText("The person at the device said no").waitFor({ timeout: 1000 });
			return true;
		});
		assert(await page.evaluate(() => document.querySelector(".desk-canvas").width === 1), "there was a picture");
	},

	/** Two at one display: each knows of the other, and sees what they do. */
	async together(s) {
		const x = await display(s);
		terminalOn(s, x, "cat; sleep 600", "120x40+0+0");
		await watched(s, x, "kiosk-7");
		const page = await desk(s, "kiosk-7", x);
		await opened(page);
		assert((await page.getByText("Watched by").count()) === 0, "who is alone is told of others");
		const second = await desk(s, "kiosk-7", x, {}, "&view");
		await opened(second);
		await visible(page, "Watched by desk, desk");
		await visible(second, "Watched by desk, desk");
		await keys(page);
		await page.keyboard.type("both see this", { delay: 15 });
		const spot = await place(page, 400, 300);
		await page.mouse.move(spot.x, spot.y);
		await until("who watches sees it", () => same(second, x));
		await until("... and the pointer", async () => {
			const [at, want] = [await second.locator(".desk-pointer").boundingBox(), await place(second, 400, 300)];
			return at !== null && Math.hypot(at.x - want.x, at.y - want.y) < 40;
		});
		assert(!(await page.locator(".desk-pointer").isVisible()), "one's own pointer is drawn twice");
		await page.close();
		await until("the other is alone", async () => (await second.getByText("Watched by").count()) === 0);
	},

	/** An editor of GTK, and a browser. */
	async programs(s) {
		const x = await display(s);
		const file = join(x.dir, "note.txt");
		writeFileSync(file, "");
		on(s, x, "openbox");
		const editor = on(s, x, "l3afpad", [file]);
		await watched(s, x, "kiosk-9");
		const page = await desk(s, "kiosk-9", x);
		await opened(page);
		await until("the editor is there", () => ask(x, "xdotool", "search", "--onlyvisible", "--class", "l3afpad").trim() !== "");
		await until("the picture", () => same(page, x));
		const text = "Straße 7, 10:30 Uhr – „Übergröße“ kostet 5 € (50 %)\nnaïve café, Ж, λόγος, ~#{}[]|@\\\nend";
		await keys(page);
		await page.keyboard.type(text, { delay: 20 });
		await page.keyboard.press("Control+s");
		await until("it is saved", () => readFileSync(file, "utf8").endsWith("end"));
		const got = readFileSync(file, "utf8");
		assert(got === text, `in the editor: ${JSON.stringify(got)}`);
		await until("each pixel of it", () => same(page, x));
		await s.picture(page, "desktop-editor-light-desktop");
		editor.kill("SIGTERM");

		const { said, url } = await listener(s, form);
		browse(s, x, url);
		await until("the browser shows its page", () => said.ready === true, 60_000);
		const click = async (px, py) => {
			const at = await place(page, px, py);
			await page.mouse.click(at.x, at.y);
		};
		await until("the button is clicked", async () => {
			await click(900, 90);
			return said.clicks > 0;
		});
		await click(300, 120);
		await page.keyboard.type("Grüße aus dem Browser: 3 × 4 = 12 €", { delay: 20 });
		await until("it is typed", () => said.text === "Grüße aus dem Browser: 3 × 4 = 12 €");
		await until("each pixel of it", () => same(page, x));
		await s.picture(page, "desktop-browser-light-desktop");
		const spot = await place(page, 900, 500);
		await page.mouse.move(spot.x, spot.y);
		await page.mouse.wheel(0, 600);
		await until("it is scrolled", () => said.y > 100);
		await until("each pixel of that", () => same(page, x));
	},

	/** What moves comes as video when that is chosen, and is exact when it rests. */
	async film(s) {
		const x = await display(s);
		filmOn(s, x);
		await watched(s, x, "kiosk-8");
		const page = await desk(s, "kiosk-8", x, {}, "", countFilm);
		await opened(page);
		await until("the picture", () => same(page, x));
		await page.getByRole("button", { name: "Quality" }).click();
		await page.getByRole("menuitemradio", { name: "Video" }).click();
		// What may come of it at most is kept, by this browser too.
		await page.getByRole("button", { name: "Quality" }).click();
		await page.getByRole("menuitemradio", { name: "2 Mbit/s" }).click();
		await keys(page);
		await page.keyboard.press("Enter");
		await page.locator("[data-quality=video]").waitFor();
		let most = 0;
		await until("pictures of video are painted", async () => {
			const [, rate, unit] = /([\d.]+) ([Mk])bit\/s \(at most 2 Mbit\/s\)/.exec(await page.locator("[data-quality]").innerText()) ?? [];
			most = Math.max(most, rate * (unit === "M" ? 1 : 0.001));
			return page.evaluate(() => window.film > 10);
		});
		assert(most > 0 && most <= 2, `${most} Mbit/s came`);
		assert((await page.evaluate(() => localStorage.getItem("warren.limit"))) === "2000", "the limit is not kept");
		await s.picture(page, "desktop-film-light-desktop");
		await until("it rests, each pixel as it is", () => same(page, x), 60_000);
		s.measure("pictures of video", await page.evaluate(() => window.film));

		// Never by hand: then there is none.
		await page.getByRole("button", { name: "Quality" }).click();
		await page.getByRole("menuitemradio", { name: "Lossless" }).click();
		await page.locator("[data-quality=lossless]").waitFor();
	},

	/** What would be too much as pixels comes as video by itself. */
	async noise(s) {
		const x = await display(s);
		const { said, url } = await listener(s, noise);
		on(s, x, "openbox");
		browse(s, x, url);
		await watched(s, x, "kiosk-6");
		const page = await desk(s, "kiosk-6", x, {}, "", countFilm);
		await opened(page);
		await until("the browser shows its page", () => said.ready === true, 60_000);
		await until("the picture", () => same(page, x));
		assert((await page.evaluate(() => window.film)) === 0, "there was video before anything moved");
		await keys(page);
		await page.keyboard.press("a");
		await page.locator("[data-quality=video]").waitFor();
		await until("pictures of video are painted", () => page.evaluate(() => window.film > 5));
		await until("the film is over", () => said.over === true, 60_000);
		await until("it rests, each pixel as it is", () => same(page, x), 60_000);
		s.measure("pictures of video", await page.evaluate(() => window.film));
	},
};
