// Bad luck and large numbers.
import { gzipSync } from "node:zlib";
import { fakeDevices, hostile } from "../fake.mjs";
import { assert, phone, terminal, until, visible } from "../story.mjs";

export const edges = {
	async gate(s) {
		const context = await s.context();
		const page = await context.newPage();
		const address = new URL(s.warren("console", "--no-open"));
		const token = address.hash;
		await page.goto(`${address.origin}/`);
		await page.getByRole("heading", { name: "This page needs a way in" }).waitFor();
		await s.show(page, "gate");
		await page.getByLabel("Address or token").fill(`${address.origin}/${token}`);
		await page.getByRole("button", { name: "Go on" }).click();
		await page.getByRole("heading", { name: /Everything works|Works, with/ }).waitFor();
		assert(!page.url().includes(token), "the token stays in the address");
		// It works once.
		const other = await (await s.context()).newPage();
		await other.goto(address.href);
		await other.getByText("did not take that token").waitFor();
		// Without a bearer that holds, the page says how to go on, and keeps what is on it.
		await s.go(page, "#/devices");
		await page.getByRole("searchbox").fill("kiosk");
		await page.route("**/warren.v1.*/**", (r) => r.fulfill({ status: 401, json: { code: "unauthenticated" } }));
		await page.getByRole("link", { name: "Mesh" }).click();
		await page.getByRole("heading", { name: "Your time in the console has ended" }).waitFor();
		await s.axe(page, "expired");
		await page.unroute("**/warren.v1.*/**");
		await page.getByLabel("Address or token").fill(s.warren("console", "--no-open"));
		await page.getByRole("button", { name: "Go on" }).click();
		await page.getByRole("heading", { name: "Your time" }).waitFor({ state: "detached" });
		await page.getByRole("cell", { name: "hq-1" }).first().waitFor();
		// Before the time is up it says so, and a new token keeps what is open.
		await page.evaluate(() => sessionStorage.setItem("warren.bearer.end", String(Date.now() + 10 * 60_000)));
		await page.reload();
		await terminal(s, page);
		await page.getByText("ends in 10 min").waitFor();
		await s.show(page, "ending");
		await page.getByRole("button", { name: "Stay longer" }).click();
		await page.getByLabel("Address or token").fill(s.warren("console", "--no-open"));
		await page.getByRole("button", { name: "Go on" }).click();
		await page.getByText("ends in").waitFor({ state: "detached" });
		await page.getByRole("tab", { name: /open ?kiosk-1/ }).waitFor();
		// A new address that is opened in a tab that is in is taken there too.
		const again = new URL(s.warren("console", "--no-open")).hash;
		const entered = page.waitForResponse((r) => r.url().endsWith("/console/enter"));
		await page.evaluate((hash) => (location.hash = hash), again);
		assert((await entered).ok(), "the token was not taken");
		assert(!page.url().includes("t="), "the token stays in the address");
		await page.getByRole("heading", { name: /Everything works|Works, with/ }).waitFor();
	},

	/** What somebody else left in the browser's cache does not run. */
	async poisoned(s) {
		for (const name of ["index", "Terminal", "style"]) {
			const context = await s.browser.newContext();
			s.contexts.push(context);
			const page = await context.newPage();
			const said = [];
			page.on("console", (m) => said.push(m.text()));
			let swapped = false;
			await page.route(new RegExp(`/assets/${name}-[^/]+$`), async (r) => {
				const answer = await r.fetch();
				const bad = name === "style" ? "body{display:none}" : "\nwindow.poisoned = true;";
				swapped = true;
				await r.fulfill({ response: answer, body: (await answer.text()) + bad });
			});
			await page.goto(s.warren("console", "--no-open"));
			await s.go(page, "#/terminal").catch(() => {});
			await until(`${name} is refused`, () => said.some((t) => /integrity/.test(t)));
			assert(swapped, `${name} was not loaded`);
			assert((await page.evaluate(() => window.poisoned)) === undefined, `${name} ran`);
			assert((await page.evaluate(() => getComputedStyle(document.body).display)) !== "none", `${name} was taken`);
		}
	},

	async restart(s) {
		const page = await s.enter();
		await s.go(page, "#/invites?make");
		await page.getByLabel("Tags").fill("typed before the restart");
		s.warren("demo", "stop", "desk", "--dir", s.mesh.dir);
		await visible(page, "The node does not answer");
		await s.axe(page, "node gone");
		s.warren("demo", "start", "desk", "--dir", s.mesh.dir);
		const began = Date.now();
		await page.getByText("The node does not answer").waitFor({ state: "detached" });
		s.measure("back after the node's start", `${((Date.now() - began) / 1000).toFixed(1)} s`);
		assert((await page.getByLabel("Tags").inputValue()) === "typed before the restart", "what was typed is lost");
		await page.getByLabel("Tags").fill("kiosk");
		await page.getByRole("dialog").getByRole("button", { name: "Make an invite" }).click();
		await page.getByRole("img", { name: "QR code of the link" }).waitFor();
	},

	async many(s) {
		const page = await s.enter();
		await fakeDevices(page, 10_000, hostile);
		await page.reload();
		await s.go(page, "#/devices");
		await page.getByText("10000 machines").waitFor();
		await page.locator(".grid-row").first().waitFor();
		const times = await page.evaluate(async () => {
			const box = document.querySelector("input[type=search]");
			const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
			const sub = () => document.querySelector(".page-head p").textContent;
			const out = [];
			const filters = ["host-09", "hamburg", "", "kiosk -hamburg floor-3", "host-04999", "till floor-2", "direct-v6", "", "host-1"];
			for (const text of filters) {
				const before = sub();
				const began = performance.now();
				set.call(box, text);
				box.dispatchEvent(new Event("input", { bubbles: true }));
				while (sub() === before) {
					await new Promise((done) => requestAnimationFrame(done));
				}
				await new Promise((done) => requestAnimationFrame(done));
				out.push(performance.now() - began);
				if (text === "host-04999" && !sub().startsWith("1 of")) {
					throw new Error(`filtered to ${sub()}`);
				}
			}
			return out.sort((a, b) => a - b);
		});
		const middle = times[Math.floor(times.length / 2)];
		s.measure("filter of 10,000 rows p50", `${middle.toFixed(0)} ms`);
		s.measure("worst", `${times.at(-1).toFixed(0)} ms`);
		assert(middle < 100, `the filter takes ${middle} ms`);
		await page.getByRole("searchbox").fill("");
		await page.getByText("10000 machines").waitFor();
		// Scrolling leaves no row blank: what is in view is filled, frame by frame.
		const blank = await page.evaluate(async () => {
			const body = document.querySelector(".grid-body");
			let blanks = 0;
			for (let i = 0; i < 40; i++) {
				body.scrollTop += 900;
				await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
				const box = body.getBoundingClientRect();
				for (let y = box.top + 20; y < box.bottom - 20; y += 40) {
					if (document.elementFromPoint(box.left + 60, y)?.closest(".grid-row") === null) {
						blanks++;
					}
				}
			}
			return blanks;
		});
		assert(blank === 0, `${blank} blank rows while scrolling`);
		// Names that try to be something else are text, clipped, and change nothing around them.
		await page.getByRole("searchbox").fill("alert(1)");
		await page.getByText("<img src=x onerror=alert(1)>").first().waitFor();
		await page.getByRole("searchbox").fill("");
		await page.evaluate(() => document.querySelector(".grid-body").scrollTo(0, 0));
		await page.getByRole("button", { name: "Name" }).click();
		await page.getByRole("button", { name: "Name" }).click();
		await s.fits(page, "hostile names");
		await s.picture(page, "devices-10000");
		await page.setViewportSize(phone);
		await s.fits(page, "hostile names, phone");
		for (const id of [0, 1, 2]) {
			await s.go(page, `#/devices/${String(id).padStart(32, "0")}`);
			await page.getByRole("tab", { name: "Facts" }).waitFor();
			await s.fits(page, `hostile name ${id}`);
			await s.axe(page, `hostile name ${id}`);
		}
	},

	async weight(s) {
		const context = await s.context();
		const page = await context.newPage();
		let bytes = 0;
		const texts = [];
		page.on("response", (r) => {
			if (new URL(r.url()).pathname.match(/^\/(assets\/.*|icon.svg|)$/)) {
				texts.push(r.body());
			}
		});
		await page.goto(s.warren("console", "--no-open"));
		await page.getByRole("heading", { name: /Everything works|Works, with/ }).waitFor();
		for (const b of await Promise.all(texts)) {
			bytes += gzipSync(b).length;
		}
		s.measure("first view", `${(bytes / 1000).toFixed(0)} kB gzip`);
		assert(bytes < 500_000, `the first view weighs ${bytes} bytes`);
		await page.reload();
		await page.getByRole("heading", { name: /Everything works|Works, with/ }).waitFor();
		const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
		s.measure("first contentful paint", `${paint.toFixed(0)} ms`);
		assert(paint < 500, `the first paint takes ${paint} ms`);
	},
};
