// A machine's screen: what the X server shows is what the page shows, and what is typed here arrives there.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, until, visible } from "../story.mjs";

/** A display of its own, whose memory lies in a file. */
async function display(s) {
	const dir = mkdtempSync(join(tmpdir(), "warren-e2e-x-"));
	s.folders.push(dir);
	for (let n = 300 + Math.floor(Math.random() * 400); ; n++) {
		if (existsSync(`/tmp/.X11-unix/X${n}`)) {
			continue;
		}
		s.run("Xvfb", [`:${n}`, "-screen", "0", "1280x720x24", "-nolisten", "tcp", "-fbdir", dir]);
		await until("the X server", () => existsSync(`/tmp/.X11-unix/X${n}`));
		return { name: `:${n}`, dir, memory: join(dir, "Xvfb_screen0") };
	}
}

/** The pixels of a display, from the server's own memory: an XWD file, as XWDFile.h has it. */
function pixels(x) {
	const b = readFileSync(x.memory);
	const at = (i) => b.readUInt32BE(i * 4);
	const [width, height, line] = [at(4), at(5), at(12)];
	const start = at(0) + at(19) * 12;
	const out = Buffer.alloc(width * height * 3);
	for (let y = 0, o = 0; y < height; y++) {
		for (let p = start + y * line, x2 = 0; x2 < width; x2++, p += 4) {
			out[o++] = b[p + 2];
			out[o++] = b[p + 1];
			out[o++] = b[p];
		}
	}
	return { width, height, rgb: out };
}

// Xvfb draws the pointer's shape into its memory; on the wire it is no part of the picture.
const cursor = 32;

/** Throws while the page's canvas has other pixels than the X server, the pointer aside. */
async function same(page, x) {
	const want = pixels(x);
	const got = await page.evaluate(() => {
		const c = document.querySelector(".desk-canvas");
		const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
		let text = "";
		for (let i = 0; i < d.length; i += 4) {
			text += String.fromCharCode(d[i], d[i + 1], d[i + 2]);
		}
		return { width: c.width, height: c.height, text: btoa(text) };
	});
	assert(got.width === want.width && got.height === want.height, `the page shows ${got.width} by ${got.height}`);
	const have = Buffer.from(got.text, "base64");
	let n = 0;
	const box = { left: Infinity, top: Infinity, right: -1, bottom: -1 };
	for (let i = 0; i < have.length; i += 3) {
		if (have[i] !== want.rgb[i] || have[i + 1] !== want.rgb[i + 1] || have[i + 2] !== want.rgb[i + 2]) {
			const [px, py] = [(i / 3) % want.width, Math.floor(i / 3 / want.width)];
			box.left = Math.min(box.left, px);
			box.right = Math.max(box.right, px);
			box.top = Math.min(box.top, py);
			box.bottom = Math.max(box.bottom, py);
			n++;
		}
	}
	const small = box.right - box.left < cursor && box.bottom - box.top < cursor;
	assert(small, `${n} pixels differ, within ${JSON.stringify(box)}`);
	return true;
}

/** A machine of the mesh that has the display. */
async function watched(s, x, name) {
	const state = s.folder();
	s.warrenIn(state, "join", JSON.parse(s.warren("invite", "--json")).link, "--yes", "--no-wait", "--name", name);
	s.warren("approve", name, "--yes");
	const args = ["--state", state, "up", "--loopback", "--listen", `:${await s.freePort()}`];
	const up = () => s.run(s.bin, args, { DISPLAY: x.name, XAUTHORITY: "" });
	const node = up();
	await until("the device is there", () => JSON.parse(s.warren("ping", name, "--json")).ok, 60_000);
	return { node, up };
}

const clip = (x, ...args) => spawnSync("xclip", ["-display", x.name, "-selection", "clipboard", ...args], { encoding: "utf8", timeout: 5000 });

export const desktop = {
	async desktop(s) {
		const x = await display(s);
		const typed = join(x.dir, "typed");
		const words = `for i in $(seq 31 37) $(seq 91 97); do printf '\\033[%smwarren shows each pixel as it is \\033[7m %s \\033[0m\\n' $i $i; done; cat > ${typed}; sleep 600`;
		s.run("xterm", ["-display", x.name, "-u8", "-geometry", "90x28+40+40", "-fa", "DejaVu Sans Mono", "-fs", "11", "-e", "sh", "-c", words], { LANG: "C.UTF-8" });
		const device = await watched(s, x, "till-9");

		// One verb leads there.
		const context = await s.context();
		const page = await context.newPage();
		page.setDefaultTimeout(20_000);
		await page.goto(`${s.warren("desktop", "till-9", "--no-open")}?display=${x.name}`);
		await page.getByRole("img", { name: "open", exact: true }).waitFor();
		await until("the page shows what the X server does, to the pixel", () => same(page, x));
		await s.show(page, "desktop", (p) => p.locator("[data-quality]").waitFor());

		// Keys arrive as characters, whatever the layout; what no key has too.
		await page.locator(".desk-keys").focus();
		await page.keyboard.type("Hello, World! 123 ~#{}[]|@ äöüß€ ñé Ж\n", { delay: 15 });
		await page.keyboard.press("Control+d");
		await until("what was typed is there", () => existsSync(typed) && readFileSync(typed, "utf8").endsWith("\n"));
		const got = readFileSync(typed, "utf8");
		assert(got === "Hello, World! 123 ~#{}[]|@ äöüß€ ñé Ж\n", `typed: ${JSON.stringify(got)}`);

		// Copies go both ways.
		await page.evaluate(() => navigator.clipboard.writeText("from the page, übers Netz"));
		await page.locator(".desk-keys").focus();
		await page.keyboard.press("Control+v");
		await until("the device has it", () => clip(x, "-o").stdout === "from the page, übers Netz");
		const copy = spawn("xclip", ["-display", x.name, "-selection", "clipboard", "-quiet"], { stdio: ["pipe", "ignore", "ignore"] });
		s.children.push(copy);
		copy.stdin.end("from the device");
		await until("the page has it", async () => (await page.evaluate(() => navigator.clipboard.readText())) === "from the device");

		// The keyboard is no trap.
		await page.keyboard.press("Control+Alt+Shift+M");
		await until("the bar has the focus", () => page.evaluate(() => document.activeElement?.closest(".desk-bar") !== null));
		await page.getByRole("button", { name: "Clipboard" }).click();
		await page.getByRole("dialog").waitFor();
		await s.axe(page, "desktop, clipboard");
		await page.keyboard.press("Escape");

		// Who only watches changes nothing.
		await page.getByRole("button", { name: "Watch only" }).click();
		await visible(page, "watching only");
		await until("the same picture", () => same(page, x));
		assert((await page.getByRole("button", { name: "Special keys" }).count()) === 0, "a watcher is offered keys");

		// The device goes, and comes back.
		device.node.kill("SIGTERM");
		await until("it has ended", () => device.node.exitCode !== null || device.node.signalCode !== null, 30_000);
		await page.locator(".desk-over").waitFor();
		device.up();
		await until("it goes on by itself", async () => {
			await page.getByRole("img", { name: "open", exact: true }).waitFor({ timeout: 3000 });
			return same(page, x);
		}, 90_000);
	},
};
