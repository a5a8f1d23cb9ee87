// A display that is watched: its server, its pixels, programs on it, and the
// machine that it belongs to.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { assert, until } from "./story.mjs";

/** A display of its own, whose memory lies in a file. */
export async function display(s, size = "1280x720") {
	const dir = mkdtempSync(join(tmpdir(), "warren-e2e-x-"));
	s.folders.push(dir);
	for (let n = 300 + Math.floor(Math.random() * 400); ; n++) {
		if (existsSync(`/tmp/.X11-unix/X${n}`)) {
			continue;
		}
		const server = s.run("Xvfb", [`:${n}`, "-screen", "0", `${size}x24`, "-nolisten", "tcp", "-noreset", "-fbdir", dir]);
		await until("the X server", () => existsSync(`/tmp/.X11-unix/X${n}`));
		return { name: `:${n}`, dir, server, memory: join(dir, "Xvfb_screen0") };
	}
}

/** A program on a display, until the story ends. */
export const on = (s, x, program, args = [], env = {}) => s.run(program, args, { DISPLAY: x.name, LANG: "C.UTF-8", NO_AT_BRIDGE: "1", ...env });

/** Runs a program that uses a display, and gives what it prints. */
export function ask(x, program, ...args) {
	const r = spawnSync(program, args, { encoding: "utf8", timeout: 10_000, env: { ...process.env, DISPLAY: x.name } });
	assert(r.status === 0, `${program} ${args.join(" ")} ended with ${r.status}: ${r.stderr}`);
	return r.stdout;
}

/** A terminal that fills the display, with a shell script in it. */
export const terminalOn = (s, x, script, geometry = "90x28+40+40") =>
	on(s, x, "xterm", ["-u8", "-geometry", geometry, "-fa", "DejaVu Sans Mono", "-fs", "11", "-e", "sh", "-c", script]);

/** A terminal that writes down each byte it is sent. */
export async function bytesOf(s, x, modes = "") {
	const file = join(x.dir, "bytes");
	writeFileSync(file, "");
	terminalOn(s, x, `printf '${modes}'; stty raw -echo; echo ready > ${file}; cat >> ${file}`, "120x40+0+0");
	await until("the terminal listens", () => readFileSync(file, "utf8") === "ready\n");
	return { read: () => readFileSync(file, "utf8").slice("ready\n".length) };
}

/** A film of some seconds in a terminal, that begins with Enter; gives whether it is over. */
export function filmOn(s, x) {
	const script = join(x.dir, "noise.awk");
	writeFileSync(
		script,
		`BEGIN { srand(7); for (f = 0; f < 140; f++) { printf "\\033[H"; for (r = 0; r < 24; r++) { for (c = 0; c < 80; c++) printf "\\033[48;2;%d;%d;%dm ", (f * 5 + r * 9) % 256, (c * 3 + f * 7) % 256, rand() * 255; printf "\\r\\n" } fflush(); system("sleep 0.03") } }`,
	);
	const over = join(x.dir, "over");
	terminalOn(s, x, `read go; awk -f ${script}; printf '\\033[0mcut'; touch ${over}; sleep 600`);
	return () => existsSync(over);
}

/** Counts the pictures of video that a page paints. */
export function countFilm() {
	window.film = 0;
	const { get, set } = Object.getOwnPropertyDescriptor(Worker.prototype, "onmessage");
	Object.defineProperty(Worker.prototype, "onmessage", {
		get,
		set(heard) {
			set.call(this, (e) => {
				window.film += e.data.paint?.video === undefined ? 0 : 1;
				heard(e);
			});
		},
	});
}

/** The clipboard of a display. */
export const xclip = (x, args, input) =>
	spawnSync("xclip", ["-display", x.name, "-selection", "clipboard", ...args], { input, timeout: 5000, maxBuffer: 16 << 20 });

/** The text in it. */
export const there = (x) => xclip(x, ["-o"]).stdout.toString();

/** A program on the display copies, and nobody's hand is in it. */
export function copies(s, x, content, ...args) {
	const copy = spawn("xclip", ["-display", x.name, "-selection", "clipboard", "-quiet", ...args], { stdio: ["pipe", "ignore", "ignore"] });
	s.children.push(copy);
	copy.stdin.end(content);
}

/** The pixels of a display, from the server's own memory: an XWD file, as XWDFile.h has it. */
export function pixels(x) {
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

/** A part of a picture. */
function part({ width, rgb }, box) {
	const out = Buffer.alloc(box.width * box.height * 3);
	for (let y = 0; y < box.height; y++) {
		const from = ((box.y + y) * width + box.x) * 3;
		rgb.copy(out, y * box.width * 3, from, from + box.width * 3);
	}
	return { width: box.width, height: box.height, rgb: out };
}

// Xvfb draws the pointer's shape into its memory; on the wire it is no part of the picture.
const cursor = 32;

/** Throws while the page's canvas has other pixels than the X server, or a part of it; the pointer aside. */
export async function same(page, x, box) {
	const want = box === undefined ? pixels(x) : part(pixels(x), box);
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
	const wrong = { left: Infinity, top: Infinity, right: -1, bottom: -1 };
	for (let i = 0; i < have.length; i += 3) {
		if (have[i] !== want.rgb[i] || have[i + 1] !== want.rgb[i + 1] || have[i + 2] !== want.rgb[i + 2]) {
			const [px, py] = [(i / 3) % want.width, Math.floor(i / 3 / want.width)];
			wrong.left = Math.min(wrong.left, px);
			wrong.right = Math.max(wrong.right, px);
			wrong.top = Math.min(wrong.top, py);
			wrong.bottom = Math.max(wrong.bottom, py);
			n++;
		}
	}
	const small = wrong.right - wrong.left < cursor && wrong.bottom - wrong.top < cursor;
	assert(small, `${n} pixels differ, within ${JSON.stringify(wrong)}`);
	return true;
}

/** A machine that joins the demo's mesh, and runs; up starts it again. */
export async function joined(s, name, displayName, invite = [], flags = []) {
	const state = s.folder();
	s.warrenIn(state, "join", JSON.parse(s.warren("invite", ...invite, "--json")).link, "--yes", "--no-wait", "--name", name);
	s.warren("approve", name, "--yes");
	const args = ["--state", state, "up", "--loopback", "--listen", `:${await s.freePort()}`, ...flags];
	const up = () => s.run(s.bin, args, { DISPLAY: displayName, XAUTHORITY: "" });
	return { node: up(), up, state };
}

/** A machine of the mesh that has the display. */
export async function watched(s, x, name, invite = []) {
	const machine = await joined(s, name, x.name, invite);
	await until("the device is there", () => JSON.parse(s.warren("ping", name, "--json")).ok, 60_000);
	return machine;
}

/** The address of a device's desktop, as the verb opens it. */
export const deskAt = (s, name, x, more = "") => `${s.warren("desktop", name, "--no-open")}?display=${encodeURIComponent(x.name)}${more}`;

/** The page there. */
export async function desk(s, name, x, options = {}, more = "", first = undefined) {
	const context = await s.context(options);
	const page = await context.newPage();
	if (first !== undefined) {
		await page.addInitScript(first);
	}
	page.setDefaultTimeout(20_000);
	await page.goto(deskAt(s, name, x, more));
	return page;
}

export const opened = (page) => page.getByRole("img", { name: "open", exact: true }).waitFor();

/** The keyboard's place. */
export const keys = (page) => page.locator(".desk-keys").focus();

/** Where a pixel of the display is on the page. */
export function place(page, x, y) {
	return page.evaluate(
		([px, py]) => {
			const c = document.querySelector(".desk-canvas");
			const r = c.getBoundingClientRect();
			return { x: r.left + ((px + 0.5) * r.width) / c.width, y: r.top + ((py + 0.5) * r.height) / c.height };
		},
		[x, y],
	);
}

/** A PNG of some colours. */
export function picture(width, height) {
	const rows = Buffer.alloc((width * 3 + 1) * height);
	for (let y = 0, i = 0; y < height; y++) {
		i++; // no filter
		for (let x = 0; x < width; x++) {
			rows[i++] = (x * 7) & 255;
			rows[i++] = (y * 5) & 255;
			rows[i++] = (x ^ y) & 255;
		}
	}
	const chunk = (name, data) => {
		const body = Buffer.concat([Buffer.from(name), data]);
		const out = Buffer.alloc(body.length + 8);
		out.writeUInt32BE(data.length, 0);
		body.copy(out, 4);
		out.writeUInt32BE(crc32(body), body.length + 4);
		return out;
	};
	const head = Buffer.alloc(13);
	head.writeUInt32BE(width, 0);
	head.writeUInt32BE(height, 4);
	head[8] = 8;
	head[9] = 2;
	return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}
