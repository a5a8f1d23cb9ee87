import { writeFileSync } from "node:fs";
import { fakeDevices, hostile } from "./fake.mjs";
import { assert, phone, until } from "./story.mjs";

const visible = (page, text) => page.getByText(text, { exact: false }).first().waitFor();
const rows = (page) => page.locator(".xterm-rows");

/** Opens a terminal on kiosk-1 as the user the node runs as, and waits for its prompt. */
async function terminal(s, page, device = "kiosk-1") {
	await s.go(page, "#/terminal");
	await page.getByRole("button", { name: "New terminal" }).first().click();
	await page.getByRole("combobox", { name: "Device" }).fill(device);
	await page.getByRole("button", { name: "Open", exact: true }).click();
	await page.getByRole("tab", { name: new RegExp(`open ?${device}`) }).waitFor();
	await page.locator(".xterm-helper-textarea").focus();
}

export const stories = {
	async overview(s) {
		const page = await s.enter();
		await page.getByRole("heading", { name: /Everything works|Works, with warnings/ }).waitFor();
		await visible(page, "What to do next");
		await s.show(page, "overview");
	},

	async devices(s) {
		const page = await s.enter();
		await s.go(page, "#/devices");
		await page.getByRole("table", { name: "Devices of the mesh" }).waitFor();
		await s.show(page, "devices", async (p) => {
			await p.locator(".grid-row").first().waitFor();
		});
		await page.getByRole("searchbox").fill("kiosk-1");
		await until("one row", async () => (await page.locator(".grid-row").count()) === 1);
		await page.getByRole("searchbox").fill("nothing is called that");
		await visible(page, "Nothing matches");
		await page.getByRole("button", { name: "Clear the filter" }).click();
		await page.locator(".grid-row a").first().focus();
		await page.keyboard.press("ArrowDown");
		await until("the second row has the focus", () =>
			page.evaluate(() => document.activeElement?.closest("[data-row]")?.dataset.row === "1"),
		);
		await page.keyboard.press("Enter");
		await page.getByRole("tab", { name: "Facts" }).waitFor();
	},

	async device(s) {
		const page = await s.enter();
		await s.go(page, "#/devices/kiosk-2");
		await page.getByRole("heading", { name: "kiosk-2" }).waitFor();
		await s.show(page, "device");
		await page.getByRole("tab", { name: "Path" }).click();
		await page.getByRole("button", { name: "Ping" }).click();
		await page.locator(".pongs li").first().waitFor();
		await s.axe(page, "device, path");
	},

	async terminal(s) {
		const page = await s.enter();
		await terminal(s, page);
		await page.keyboard.type("printf 'war%s\\n' ren; stty size\n");
		await until("the shell answers", async () => /\nwarren/.test(await rows(page).innerText()));
		await page.keyboard.type("printf '\\033[38;2;10;200;120mtrue colour\\033[0m \\033[31mred\\033[0m \\033[1;34mblue\\033[0m\\n'\n");
		await visible(page, "true colour");
		await s.show(page, "terminal");
		const narrow = await page.evaluate(() => document.querySelector(".xterm-rows")?.children.length);
		await page.setViewportSize({ width: 1280, height: 500 });
		await until("fewer rows", () => page.evaluate((n) => document.querySelector(".xterm-rows").children.length < n, narrow));
		await page.setViewportSize({ width: 1280, height: 800 });

		// The device may neither write the clipboard nor have its title told back.
		await page.evaluate(() => navigator.clipboard.writeText("mine"));
		await page.keyboard.type("clear; printf '\\033]52;c;aGFja2Vk\\007\\033]0;evil\\007\\033[21t'; echo do''ne\n");
		await visible(page, "that is refused");
		await until("done", async () => /\ndone/.test(`\n${await rows(page).innerText()}`));
		assert((await page.evaluate(() => navigator.clipboard.readText())) === "mine", "OSC 52 wrote the clipboard");
		assert(!(await page.title()).includes("evil"), "the device named the page");

		// A second tab, and the first goes on behind it.
		await terminal(s, page, "kiosk-2");
		await page.keyboard.type("echo se''cond\n");
		await until("the second answers", async () => /\nsecond/.test(await rows(page).innerText()));
		await s.go(page, "#/devices");
		await s.go(page, "#/terminal");
		await until("its text is still there", async () => /second/.test(await rows(page).innerText()));
		await page.getByRole("button", { name: "Close the terminal on kiosk-2" }).click();
		await page.getByRole("button", { name: "Close and end" }).click();
		await until("one tab", async () => (await page.getByRole("tab").count()) === 1);

		// Much output: nothing is lost, and the page holds it.
		await page.locator(".xterm-helper-textarea").focus();
		const began = Date.now();
		await page.keyboard.type("clear; seq 1 200000; echo all''out\n");
		await until("all of it came", async () => /\nallout/.test(await rows(page).innerText()), 60_000);
		s.measure("1.3 MB of output", `${((Date.now() - began) / 1000).toFixed(1)} s`);
		assert((await rows(page).innerText()).includes("200000"), "the last line is missing");

		await page.keyboard.type("exit 3\n");
		await visible(page, "exit 3");
		await page.getByRole("button", { name: "Open again" }).click();
		await page.getByRole("tab", { name: /open ?kiosk-1/ }).waitFor();
	},

	async latency(s) {
		const page = await s.enter();
		await terminal(s, page);
		await page.keyboard.type("clear; cat\n");
		await page.waitForTimeout(500);
		const times = await page.evaluate(async () => {
			const area = document.querySelector(".xterm-helper-textarea");
			const screen = document.querySelector(".xterm-rows");
			const out = [];
			for (let i = 0; i < 120; i++) {
				const letter = String.fromCharCode(97 + (i % 26));
				const before = screen.textContent;
				const began = performance.now();
				const seen = new Promise((done) => {
					const look = new MutationObserver(() => {
						if (screen.textContent !== before) {
							look.disconnect();
							done(performance.now());
						}
					});
					look.observe(screen, { childList: true, characterData: true, subtree: true });
				});
				area.value = letter;
				area.dispatchEvent(new InputEvent("input", { data: letter, inputType: "insertText", composed: true }));
				out.push((await seen) - began);
				await new Promise((done) => setTimeout(done, 40));
			}
			return out.sort((a, b) => a - b);
		});
		const at = (p) => times[Math.floor(times.length * p)];
		s.measure("key to glyph p50", `${at(0.5).toFixed(1)} ms`);
		s.measure("p99", `${at(0.99).toFixed(1)} ms`);
		assert(at(0.5) < 20, `a key takes ${at(0.5)} ms to its glyph`);
	},

	async invites(s) {
		const page = await s.enter();
		await s.go(page, "#/invites?make");
		await page.getByLabel("Tags").fill("till front");
		await page.getByRole("radio", { name: "Device" }).check();
		await s.show(page, "invite-make");
		await page.getByRole("dialog").getByRole("button", { name: "Make an invite" }).click();
		await page.getByRole("img", { name: "QR code of the link" }).waitFor();
		const link = await page.locator("[data-link]").innerText();
		assert(/#w1\./.test(link), `no link: ${link}`);
		await s.show(page, "invite-made");
		await page.getByRole("button", { name: "Done" }).click();
		await page.getByRole("cell", { name: "0 / 1" }).first().waitFor();
		await s.show(page, "invites");

		// A machine asks to join; its words come without a reload.
		const folder = s.folder();
		s.warrenIn(folder, "join", link, "--yes", "--no-wait", "--name", "till-7");
		await visible(page, "till-7");
		const words = await page.locator(".claim .phrase li").allInnerTexts();
		assert(words.length === 6, `${words.length} words`);
		await s.show(page, "pending");
		await page.getByRole("button", { name: "Approve" }).click();
		await page.getByRole("button", { name: "The words match: approve" }).click();
		await visible(page, "till-7 is in");
		await visible(page, "Nobody waits");

		await s.go(page, "#/invites?make");
		await page.getByRole("dialog").getByRole("button", { name: "Make an invite" }).click();
		await page.getByRole("button", { name: "Done" }).click();
		await page.getByRole("row").filter({ hasText: "open" }).getByRole("button", { name: "Revoke" }).first().click();
		await visible(page, "1 use that is left");
		await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
		await visible(page, "The invite is revoked");

		// Turned down, and shut out: each says how many it concerns.
		const second = JSON.parse(s.warren("invite", "--json")).link;
		s.warrenIn(s.folder(), "join", second, "--yes", "--no-wait", "--name", "stranger");
		await page.getByRole("button", { name: "Reject" }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
		await visible(page, "stranger was turned down");
		await s.go(page, "#/devices/till-7");
		await page.getByRole("button", { name: "Revoke" }).click();
		await page.getByLabel("Reason").fill("the story ends");
		await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
		await visible(page, "till-7 is revoked");
	},

	async network(s) {
		const page = await s.enter();
		await s.go(page, "#/network");
		await page.getByRole("table", { name: "Peers" }).waitFor();
		await s.show(page, "network", (p) => p.locator(".grid-row").first().waitFor());
		await page.getByRole("tab", { name: "Graph" }).click();
		await page.locator(".graph circle").first().waitFor();
		await s.show(page, "network-graph");
		await page.getByRole("link", { name: /kiosk-1: online/ }).focus();
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: "kiosk-1" }).waitFor();
	},

	async sessions(s) {
		const page = await s.enter();
		await terminal(s, page);
		await s.go(page, "#/sessions");
		await page.getByRole("cell", { name: "kiosk-1" }).first().waitFor();
		await s.show(page, "sessions");
		await page.getByRole("button", { name: "End" }).first().click();
		await visible(page, "1 shell session on kiosk-1 ends");
		await page.getByRole("dialog").getByRole("button", { name: "End" }).click();
		await visible(page, "The session has ended");
		await page.getByRole("tab", { name: "History" }).click();
		await page.locator(".grid-row", { hasText: "session ended" }).first().waitFor();
		await s.axe(page, "sessions, history");
	},

	async audit(s) {
		const page = await s.enter();
		await s.go(page, "#/audit");
		await page.locator(".grid-row").first().waitFor();
		await s.show(page, "audit", (p) => p.locator(".grid-row").first().waitFor());
		await page.getByRole("searchbox").fill("mesh founded");
		await until("one record", async () => (await page.locator(".grid-row").count()) === 1);
		await page.locator(".grid-row a").click();
		await page.getByRole("heading", { name: /Record 0: mesh founded/ }).waitFor();
		await s.axe(page, "audit, record");
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Verify" }).click();
		await visible(page, "are one unbroken history");
		await s.axe(page, "audit, verified");
	},

	async mesh(s) {
		const page = await s.enter();
		await s.go(page, "#/mesh");
		await page.getByRole("cell", { name: "hq-1" }).first().waitFor();
		await s.show(page, "mesh");
	},

	async palette(s) {
		const page = await s.enter();
		await page.getByRole("heading", { name: /Everything works|Works, with/ }).waitFor();
		await page.keyboard.press("Control+k");
		const box = page.getByRole("combobox");
		await box.fill("kiosk-3");
		await page.getByRole("option", { name: /Open a terminal on kiosk-3/ }).waitFor();
		await s.show(page, "palette");
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: "kiosk-3" }).waitFor();
		await page.keyboard.press("Control+k");
		await box.fill("Deutsch");
		await page.keyboard.press("Enter");
		await page.getByRole("link", { name: "Geräte" }).first().waitFor();
		assert((await page.evaluate(() => document.documentElement.lang)) === "de", "the page's language");
	},

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
	},

	async access(s) {
		const page = await s.enter();
		await s.go(page, "#/access");
		const editor = page.getByRole("textbox", { name: "Text of the policy" });
		await editor.waitFor();
		await s.show(page, "access");
		const before = s.warren("policy", "show");
		const type = async (text) => {
			await editor.click();
			await page.keyboard.press("Control+a");
			// As people bring in a file; the browser's own insertion is not what anybody does.
			await page.evaluate((v) => navigator.clipboard.writeText(v), text);
			await page.keyboard.press("Control+v");
		};

		await type('{"grants": [\n{"src": ["role:admin"], "bogus": 1}\n]}');
		await page.getByRole("button", { name: "Check" }).click();
		await page.getByRole("alert").first().waitFor();
		await s.axe(page, "access, a mistake");
		const grant = '{"src": ["role:admin"], "dst": ["*"], "verbs": ["*"], "users": ["*", "root"]}';
		await type(`{"grants": [\n${grant},\n{"src": ["role:admin"], "dst": ["*"], "ip": ["tcp:443"]},\n]}`);
		await page.getByRole("button", { name: "Check" }).click();
		await visible(page, "The file is sound");
		await visible(page, "Newly allowed");
		await s.show(page, "access-changed");
		await page.getByRole("tab", { name: "Text" }).click();
		await page.locator(".cm-changedLine").first().waitFor();
		await s.axe(page, "access, text");
		await page.getByRole("tab", { name: "What would change" }).click();

		// Somebody else is quicker: it shows, and the draft stays, through a reload too.
		const theirs = `${s.folder()}.hujson`;
		writeFileSync(theirs, `${before}\n// theirs\n`);
		s.warren("policy", "apply", theirs, "--yes");
		await visible(page, "Somebody else changed the policy");
		await page.reload();
		await visible(page, "Somebody else changed the policy");
		await s.show(page, "access-conflict");
		await page.getByRole("button", { name: "Compare with theirs" }).click();
		await page.getByRole("button", { name: "Sign and apply" }).click();
		await page.getByRole("dialog").getByText("1 right newly allowed").waitFor();
		await page.getByRole("dialog").getByRole("button", { name: "Sign and apply" }).click();
		await visible(page, "is in force");
		assert(s.warren("policy", "show").includes("tcp:443"), "the policy is not in force");

		await page.getByRole("tab", { name: "Explain" }).click();
		await page.getByLabel("On what").fill("kiosk-1");
		await page.getByRole("tabpanel").getByRole("button", { name: "Explain" }).click();
		await page.getByRole("tabpanel").getByText("Allowed", { exact: true }).waitFor();
		await page.getByRole("tab", { name: "History" }).click();
		await until("three revisions", async () => (await page.getByRole("tabpanel").getByRole("row").count()) >= 4);
		writeFileSync(theirs, before);
		s.warren("policy", "apply", theirs, "--yes");
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
		const { gzipSync } = await import("node:zlib");
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

	async first(s) {
		const state = s.folder();
		const port = await s.freePort();
		const up = s.start(state, "up", "--loopback", "--listen", `:${await s.freePort()}`, "--console", `127.0.0.1:${port}`);
		await until("the node's socket", () => s.warrenIn(state, "console", "--no-open") !== "");
		const page = await s.enter({}, state);
		await page.getByRole("heading", { name: "Found a mesh" }).waitFor();
		await s.show(page, "first-found");
		await page.getByLabel("Name of the mesh").fill("Not A Name!");
		await page.getByRole("button", { name: "Found the mesh" }).click();
		await page.getByRole("alert").waitFor();
		await page.getByLabel("Name of the mesh").fill("acme");
		await page.getByRole("button", { name: "Found the mesh" }).click();
		await page.getByRole("heading", { name: "Keep this key on paper" }).waitFor();
		await s.axe(page, "first, the key");
		await page.getByLabel("I have kept it").check();
		await page.getByRole("button", { name: "Go on" }).click();
		await page.getByRole("heading", { name: "Bring in the first machine" }).waitFor();
		await s.show(page, "first-invite");
		const command = await page.locator(".command code").first().innerText();
		const device = s.folder();
		s.warrenIn(device, "join", /'(.*)'/.exec(command)[1], "--yes", "--no-wait", "--name", "till-1");
		await page.getByRole("heading", { name: "till-1 asks to join" }).waitFor();
		await s.show(page, "first-approve");
		await page.getByRole("button", { name: "The words match" }).click();
		await page.getByRole("heading", { name: "till-1 is in" }).waitFor();
		s.start(device, "up", "--loopback", "--listen", `:${await s.freePort()}`);
		await page.getByRole("button", { name: "Open the first terminal" }).click({ timeout: 60_000 });
		await page.getByRole("tab", { name: /open ?till-1/ }).waitFor();
		await page.locator(".xterm-helper-textarea").focus();
		await page.keyboard.type("echo first-mi''nute\n");
		await until("the first terminal answers", async () => /first-minute/.test(await rows(page).innerText()));
		assert(up.exitCode === null, "the node has ended");
	},

	async owner(s) {
		const link = JSON.parse(s.warren("invite", "--owner-device", "--json")).link;
		const state = s.folder();
		s.warrenIn(state, "join", link, "--yes", "--no-wait", "--name", "annas-laptop");
		s.warren("approve", "annas-laptop", "--yes");
		const port = await s.freePort();
		s.start(state, "up", "--loopback", "--listen", `:${await s.freePort()}`, "--console", `127.0.0.1:${port}`);
		await until("the node is ready", () => JSON.parse(s.warrenIn(state, "status", "--json")).ready, 60_000);
		const page = await s.enter({}, state);
		await page.getByRole("heading", { name: "This device is yours" }).waitFor();
		await visible(page, "Nobody is on this device");
		await page.getByRole("cell", { name: /desk/ }).first().waitFor();
		await s.show(page, "owner");
		await page.getByRole("button", { name: "Leave the mesh" }).click();
		await visible(page, "The keys of 1 machine are deleted");
		await page.getByRole("dialog").getByRole("button", { name: "Leave the mesh" }).click();
		await visible(page, "This device has left the mesh");
		await until("the mesh has heard", () => !JSON.parse(s.warren("devices", "--json")).some((d) => d.name === "annas-laptop" && !d.revoked));
	},
};
