// What a story has at hand: a page that is let in, the command line, axe, and
// pictures in both themes at two widths.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const screens = process.env.WARREN_SCREENS;

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };

/** Where Debian has a browser, or where the environment says. */
export function installed(name, program) {
	const path = process.env[`WARREN_${name.toUpperCase()}`] ?? `/usr/bin/${program}`;
	assert(existsSync(path), `there is no ${name} at ${path}; try: sudo apt-get install ${program}`);
	return path;
}

function openBrowser() {
	return chromium.launch({
		executablePath: installed("chromium", "chromium"),
		args: [
			"--headless",
			"--no-sandbox",
			"--disable-gpu",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
			"--disable-component-update",
			"--disable-sync",
		],
	});
}

/** Chromium, opened when a story first wants it, and one for all. */
export function oneBrowser() {
	let opened;
	return {
		newContext: async (options) => (await (opened ??= openBrowser())).newContext(options),
		close: async () => (await opened)?.close(),
	};
}

export class Story {
	constructor({ name, bin, mesh, browser }) {
		this.name = name;
		this.bin = bin;
		this.mesh = mesh;
		this.browser = browser;
		this.wrong = [];
		this.measured = [];
		this.contexts = [];
		this.folders = [];
		this.children = [];
		this.endings = [];
	}

	/** Runs a verb on the technician's node and gives what it prints. */
	warren(...args) {
		return this.warrenIn(this.mesh.state, ...args);
	}

	warrenIn(state, ...args) {
		const r = spawnSync(this.bin, ["--state", state, ...args], { encoding: "utf8", timeout: 60_000 });
		if (r.status !== 0) {
			throw new Error(`warren ${args.join(" ")} ended with ${r.status}: ${r.stderr}`);
		}
		return r.stdout.trim();
	}

	/** The newest lines of the log of the technician's node. */
	log() {
		const file = `${this.folder()}.tar.gz`;
		this.warren("bundle", file);
		return spawnSync("tar", ["xzOf", file, "--wildcards", "*/log.txt"], { encoding: "utf8" }).stdout;
	}

	/** A state folder of a new machine. */
	folder() {
		const dir = mkdtempSync(join(tmpdir(), "warren-e2e-state-"));
		this.folders.push(dir);
		return join(dir, "state");
	}

	/** A node of its own, until the story ends. */
	start(state, ...args) {
		const child = spawn(this.bin, ["--state", state, ...args], { stdio: "ignore" });
		this.children.push(child);
		return child;
	}

	/** A program until the story ends. */
	run(program, args, env = {}) {
		const child = spawn(program, args, { stdio: "ignore", env: { ...process.env, ...env } });
		this.children.push(child);
		return child;
	}

	/** A port with three free ones behind it, as a node wants them. */
	async freePort() {
		for (;;) {
			const first = 30_000 + Math.floor(Math.random() * 20_000);
			const free = await Promise.all([0, 1, 2, 3].map((i) => isFree(first + i)));
			if (free.every(Boolean)) {
				return first;
			}
		}
	}

	/** A new browser profile; it keeps what the pages complain about. */
	async context(options = {}) {
		const context = await this.browser.newContext({
			viewport: desktop,
			locale: "en-GB",
			permissions: ["clipboard-read", "clipboard-write"],
			...options,
		});
		this.contexts.push(context);
		context.on("console", (m) => {
			// A node that restarts is a failed fetch; that is for the story to say.
			if (m.type() === "error" && !/Failed to load resource|net::ERR|WebSocket connection/.test(m.text())) {
				this.wrong.push(m.text().slice(0, 300));
			}
		});
		context.on("weberror", (e) => this.wrong.push(String(e.error())));
		return context;
	}

	/** A page that the node has let in. */
	async enter(options = {}, state = this.mesh.state) {
		const context = await this.context(options);
		const page = await context.newPage();
		page.setDefaultTimeout(20_000);
		await page.goto(this.warrenIn(state, "console", "--no-open"));
		await page.waitForFunction(() => !location.hash.includes("t="));
		return page;
	}

	async go(page, hash) {
		await page.evaluate((h) => {
			location.hash = h;
		}, hash);
	}

	/** axe finds nothing, at WCAG 2.2 AA. */
	async axe(page, where) {
		// By protocol, not by a script element: the policy of the pages forbids that.
		await page.evaluate(axe);
		const found = await page.evaluate(() =>
			window.axe.run(document, {
				runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
				resultTypes: ["violations"],
			}),
		);
		for (const v of found.violations) {
			const nodes = v.nodes.slice(0, 4).map((n) => `${n.target} ${n.failureSummary?.replace(/\s+/g, " ")}`);
			this.wrong.push(`axe (${where}): ${v.id}: ${nodes.join(" | ")}`);
		}
	}

	/** Nothing of the page is wider than the window. */
	async fits(page, where) {
		const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
		if (over > 0) {
			this.wrong.push(`${where}: ${over} pixels wider than the window`);
		}
	}

	/** axe and a picture of this page in light and dark, on a desk and on a phone. */
	async show(page, as, ready) {
		for (const theme of ["light", "dark"]) {
			for (const [device, size] of Object.entries({ desktop, phone })) {
				const where = `${as}, ${theme}, ${device}`;
				await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
				await page.setViewportSize(size);
				await ready?.(page);
				await page.waitForFunction((t) => document.documentElement.dataset.theme === t, theme);
				await this.fits(page, where);
				await this.axe(page, where);
				await this.picture(page, `${as}-${theme}-${device}`);
			}
		}
		await page.setViewportSize(desktop);
		await page.emulateMedia({ colorScheme: "light" });
	}

	async picture(page, as) {
		if (screens) {
			mkdirSync(screens, { recursive: true });
			await page.screenshot({ path: resolve(screens, `${as}.png`) });
		}
	}

	/** What is there when a story fails. */
	async lastLook() {
		const page = this.contexts.at(-1)?.pages().at(-1);
		if (page !== undefined && !page.isClosed()) {
			const text = await page.evaluate(() => document.body.innerText.slice(0, 1500)).catch(() => "");
			console.log(`      at ${page.url()} it said: ${text.replace(/\s+/g, " ")}`);
		}
		for (const w of this.wrong) {
			console.log(`      ${w}`);
		}
	}

	measure(what, value) {
		this.measured.push(`${what} ${value}`);
	}

	figures() {
		return this.measured.length === 0 ? "" : `: ${this.measured.join(", ")}`;
	}

	complain() {
		if (this.wrong.length > 0) {
			throw new Error(this.wrong.join("\n      "));
		}
	}

	async close() {
		for (const c of this.contexts) {
			await c.close();
		}
		for (const c of this.children) {
			c.kill("SIGTERM");
			if (c.exitCode === null && c.signalCode === null) {
				await new Promise((done) => c.on("exit", done));
			}
		}
		for (const end of this.endings) {
			end();
		}
		for (const f of this.folders) {
			rmSync(f, { recursive: true, force: true });
		}
	}
}

function isFree(port) {
	return new Promise((done) => {
		const server = createServer();
		server.on("error", () => done(false));
		server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
	});
}

export function assert(condition, message) {
	if (!condition) {
		throw new Error(message);
	}
}

/** Asks again until it is so. */
export async function until(what, ask, ms = 20_000) {
	const end = Date.now() + ms;
	let last;
	while (Date.now() < end) {
		try {
			if (await ask()) {
				return;
			}
		} catch (e) {
			last = e;
		}
		await new Promise((done) => setTimeout(done, 100));
	}
	throw new Error(`${what}: not within ${ms} ms${last ? ` (${last})` : ""}`);
}

/** Waits until a text is to be seen. */
export const visible = (page, text) => page.getByText(text, { exact: false }).first().waitFor();

/** The lines of the terminal that is shown. */
export const rows = (page) => page.locator(".xterm-rows");

/** Opens a terminal on kiosk-1 as the user the node runs as, and waits for its prompt. */
export async function terminal(s, page, device = "kiosk-1") {
	await s.go(page, "#/terminal");
	await page.getByRole("button", { name: "New terminal" }).first().click();
	await page.getByRole("combobox", { name: "Device" }).fill(device);
	await page.getByRole("button", { name: "Open", exact: true }).click();
	await page.getByRole("tab", { name: new RegExp(`open ?${device}`) }).waitFor();
	await page.locator(".xterm-helper-textarea").focus();
}
