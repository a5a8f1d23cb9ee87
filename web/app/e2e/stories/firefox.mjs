// The console in Debian's Firefox, by the keys and the mouse of its own display.
import { inflateSync } from "node:zlib";
import { technician } from "../firefox.mjs";
import { ask, bytesOf, copies, countFilm, deskAt, display, filmOn, picture, place, same, there, watched, xclip } from "../screen.mjs";
import { assert, until } from "../story.mjs";

const text = "Zwölf Boxkämpfer: 'Über' /größe/ [1] {2} a@b.de 5€ ~\\|#+*";

/** é û à by dead keys, which Firefox composes. */
function composes(hand) {
	for (const [dead, letter] of [[["Equal"], "KeyE"], [["Backquote"], "KeyU"], [["ShiftLeft", "Equal"], "KeyA"]]) {
		hand.press(...dead);
		hand.press(letter);
	}
}
const composed = "éûà";

/** A terminal of kiosk-1, whose text is asked for. */
async function terminal(s, hand) {
	const { page } = hand;
	await hand.goto(s.warren("console", "--no-open"));
	await s.go(page, "#/terminal");
	await hand.click("button", "New terminal");
	await hand.click("combobox", "Device");
	hand.type("kiosk-1");
	await hand.click("button", "Open");
	await hand.find("tab", "open kiosk-1");
	const shell = () => page.evaluate(() => document.querySelector(".xterm-rows").innerText);
	await until("a prompt", async () => /[$#]/.test(await shell()));
	return shell;
}

/** A machine's desktop, with its picture. */
async function desktop(s, hand, name, x) {
	await hand.goto(deskAt(s, name, x));
	await hand.find("image", "open");
	await until("the page shows what the X server does, to the pixel", () => same(hand.page, x));
}

/** The technician copies in another program. */
async function copied(s, hand, content, ...args) {
	copies(s, hand.x, content, ...args);
	await until("it is in the clipboard", () => xclip(hand.x, ["-o", ...args]).stdout.equals(Buffer.from(content)));
	await hand.page.evaluate(() => dispatchEvent(new Event("blur")));
}

const press = (button) => new RegExp(`^\\x1b\\[<${button};\\d+;\\d+M\\x1b\\[<${button};\\d+;\\d+m$`);
const turns = (button, n) => new RegExp(`^(?:\\x1b\\[<${button};\\d+;\\d+M){${n}}$`);
const exactly = (bytes) => ({ test: (got) => got === bytes });

export const firefox = {
	async firefox(s) {
		const x = await display(s);
		const bytes = await bytesOf(s, x, "\\033[?1002h\\033[?1006h");
		await watched(s, x, "till-12");
		const hand = await technician(s);
		const { page } = hand;

		const shell = await terminal(s, hand);
		hand.type("cat\n");
		hand.type(text);
		composes(hand);
		hand.press("AltLeft"); // opens no menu bar
		hand.type("x");
		await until("what was typed is there", async () => (await shell()).includes(`${text}${composed}x`));

		await desktop(s, hand, "till-12", x);
		const arrives = async (what, want, does) => {
			const before = bytes.read().length;
			await does();
			const got = () => bytes.read().slice(before);
			await until(what, () => want.test(got())).catch((e) => {
				throw new Error(`${e.message}: there is ${JSON.stringify(got())}`);
			});
		};
		const at = await place(page, 300, 200);
		await arrives("a click", press(0), () => hand.mouse(at, "click", "1"));
		assert(/^x:300 y:200 /.test(ask(x, "xdotool", "getmouselocation")), "the pointer is elsewhere");
		await arrives("the right button", press(2), () => hand.mouse(at, "click", "3"));
		await arrives("notches of the wheel", turns(65, 5), () => hand.mouse(at, "click", "--repeat", "5", "5"));
		await arrives("... and back", turns(64, 2), () => hand.mouse(at, "click", "--repeat", "2", "4"));

		await arrives("typed text", exactly(text + composed), () => {
			hand.type(text);
			composes(hand);
		});
		// Keys that Firefox has a use for: its menu bar, menus, search, a new page.
		await arrives("keys of Firefox's", exactly("a\x1b[21~\x1b[29~\x1b[21;2~\x1bOR\x1b[15~\x0b\x12b"), () => {
			hand.press("AltLeft");
			hand.press("KeyA");
			hand.press("F10");
			hand.press("ContextMenu");
			hand.press("ShiftLeft", "F10");
			hand.press("F3");
			hand.press("F5");
			hand.press("ControlLeft", "KeyK");
			hand.press("ControlLeft", "KeyR");
			hand.press("KeyB");
		});
	},

	/** Text and pictures between two real clipboards, as Firefox lets a page. */
	async "firefox-clipboard"(s) {
		const x = await display(s);
		const bytes = await bytesOf(s, x);
		await watched(s, x, "till-13");
		const hand = await technician(s);
		const { page, x: here } = hand;
		await desktop(s, hand, "till-13", x);
		const offered = (what) => page.waitForSelector(`.desk-offer ::-p-text(${what})`);
		await copied(s, hand, "private, of this machine");

		copies(s, x, "from the device");
		await offered("Text, 15 B");
		await s.picture(page, "firefox-offer-light-desktop");
		assert(there(here) === "private, of this machine", "the device wrote this machine's clipboard");
		await hand.click("button", "Copy it here");
		await until("a click takes it", () => there(here) === "from the device");

		// A key is enough for Firefox too, long after the last click.
		await new Promise((done) => setTimeout(done, 6000));
		hand.press("ControlLeft", "KeyC");
		copies(s, x, "copied by a key");
		await until("Ctrl+C takes it", () => there(here) === "copied by a key");

		// A middle click is the device's, and pastes nothing of this machine's.
		copies(s, here, "selected here", "-selection", "primary");
		let typed = bytes.read().length;
		await hand.mouse(await place(page, 300, 200), "click", "2");
		hand.press("KeyA");
		await until("a key behind it", () => bytes.read().slice(typed) === "a");
		assert(there(x) === "copied by a key", `the device has ${there(x)}`);

		typed = bytes.read().length;
		await copied(s, hand, "von hier, übers Netz");
		hand.press("ControlLeft", "KeyV");
		await until("Ctrl+V gives it", () => there(x) === "von hier, übers Netz");
		await until("... and the key after it", () => bytes.read().slice(typed) === "\x16");

		const [small, large] = [picture(120, 80), picture(900, 500)];
		await copied(s, hand, small, "-t", "image/png");
		hand.press("ControlLeft", "KeyV");
		await until("a picture too", () => xclip(x, ["-o", "-t", "image/png"]).stdout.equals(small));
		copies(s, x, large, "-t", "image/png");
		await offered("Picture, 900 × 500");
		await hand.click("button", "Copy it here");
		await until("and one from there", () => xclip(here, ["-o", "-t", "TARGETS"]).stdout.includes("image/png"));
		const png = xclip(here, ["-o", "-t", "image/png"]).stdout.toString("base64");
		const pixels = (given) =>
			page.evaluate(async (b) => {
				const image = await createImageBitmap(new Blob([Uint8Array.from(atob(b), (c) => c.charCodeAt(0))]));
				const ctx = new OffscreenCanvas(image.width, image.height).getContext("2d");
				ctx.drawImage(image, 0, 0);
				const sum = await crypto.subtle.digest("SHA-256", ctx.getImageData(0, 0, image.width, image.height).data);
				return `${image.width} by ${image.height}: ${Array.from(new Uint8Array(sum)).join(" ")}`;
			}, given);
		assert((await pixels(png)) === (await pixels(large.toString("base64"))), "another picture is here");

		// Where a page asks for the clipboard, Firefox asks the person, by a menu at the pointer.
		await copied(s, hand, "for the field");
		await hand.click("button", "Clipboard");
		await hand.click("button", "Take my clipboard");
		const field = () => page.evaluate(() => [...document.querySelectorAll("[role=dialog] textarea")].at(-1).value);
		await until("the person agrees", async () => {
			ask(here, "xdotool", "mousemove_relative", "20", "18", "click", "1", "mousemove_relative", "--", "-20", "-18");
			return (await field()) === "for the field";
		});
	},

	/** Video, and a Firefox that has none; full screen. */
	async "firefox-film"(s) {
		for (const video of [true, false]) {
			const x = await display(s);
			const over = filmOn(s, x);
			const name = video ? "till-14" : "till-15";
			await watched(s, x, name);
			const hand = await technician(s, { "dom.media.webcodecs.enabled": video });
			const { page } = hand;
			await page.evaluateOnNewDocument(countFilm);
			await desktop(s, hand, name, x);
			await hand.click("button", "Quality");
			if (video) {
				await hand.click("menuitemradio", "Video");
			} else {
				await page.waitForSelector("[role=menu] ::-p-text(This browser plays no video for pages)");
				hand.press("Escape");
			}
			await hand.mouse(await place(page, 300, 200), "click", "1");
			hand.press("Enter");
			if (video) {
				await page.waitForSelector("[data-quality=video]");
				await until("pictures of video are painted", () => page.evaluate(() => window.film > 10));
			}
			await until("the film is over", over, 60_000);
			await until("it rests, each pixel as it is", () => same(page, x));
			const film = await page.evaluate(() => window.film);
			assert(video || film === 0, "there was video without a decoder");
			s.measure(video ? "pictures of video" : "... without a decoder", film);
			if (video) {
				await hand.click("button", "Full screen");
				await until("it is full", () => page.evaluate(() => document.fullscreenElement !== null && innerHeight === screen.height));
				await until("the same picture", () => same(page, x));
				hand.press("Escape");
				await until("Esc leaves it", () => page.evaluate(() => document.fullscreenElement === null));
			}
		}
	},

	/** Hardened: what would tell this browser from others is made up, the canvas's pixels and the clock. */
	async "firefox-hardened"(s) {
		const x = await display(s);
		const bytes = await bytesOf(s, x);
		await watched(s, x, "till-16");
		const hand = await technician(s, { "privacy.resistFingerprinting": true });
		const { page } = hand;
		await hand.goto(deskAt(s, "till-16", x));
		await hand.find("image", "open");
		const at = await place(page, 300, 200);
		const cursor = () => page.evaluate(() => document.querySelector(".desk-canvas").style.cursor);
		await until("the pointer is a text's", async () => {
			await hand.mouse(at, "click", "1");
			return (await cursor()).includes("base64,");
		});
		// A PNG of one IDAT, whose rows begin with their filter, none.
		const png = Buffer.from(/base64,([^"]+)"/.exec(await cursor())[1], "base64");
		const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
		const rows = inflateSync(png.subarray(png.indexOf("IDAT") + 4));
		const clear = (px, py) => rows[py * (width * 4 + 1) + 1 + px * 4 + 3] === 0;
		assert(clear(0, height >> 1) && !clear(width >> 1, height >> 1), "the pointer's shape is made up");
		hand.type(text);
		composes(hand);
		await until("what was typed is there", () => bytes.read() === text + composed);
	},

	/** Every page: Firefox and axe complain of nothing, and nothing is cut off. */
	async "firefox-pages"(s) {
		const hand = await technician(s);
		const { page } = hand;
		await hand.goto(s.warren("console", "--no-open"));
		const pages = {
			overview: "Lately", devices: "kiosk-4", "devices/kiosk-1": "Record ends", "devices/kiosk-1/path": "Endpoint", sessions: "Sessions",
			invites: "Invites", access: "Same as in force", network: "kiosk-4", audit: "machine admitted", mesh: "hq-3",
		};
		for (const [at, says] of Object.entries(pages)) {
			await s.go(page, `#/${at === "overview" ? "" : at}`);
			await page.waitForSelector(`main ::-p-text(${says})`);
			await s.fits(page, at);
			await s.axe(page, at);
		}

		// Its own search bar and quick find are the page's here.
		await s.go(page, "#/devices");
		await page.waitForSelector("[data-filter]");
		await hand.mouse({ x: 900, y: 700 }, "click", "1");
		hand.press("ShiftLeft", "Digit7");
		hand.type("kiosk-2");
		await until("the filter has it", () => page.evaluate(() => document.querySelector("[data-filter]").value === "kiosk-2"));
		hand.press("ControlLeft", "KeyK");
		await hand.find("dialog", "Command palette");
		hand.press("Escape");
		await until("the filter has the focus again", () => page.evaluate(() => document.activeElement.matches("[data-filter]")));

		// In a terminal Ctrl+Shift+C copies, and opens no inspector.
		const shell = await terminal(s, hand);
		hand.press("ControlLeft", "ShiftLeft", "KeyC");
		hand.type("cat\n");
		await copied(s, hand, "von hier");
		hand.press("ControlLeft", "ShiftLeft", "KeyV");
		await until("it is pasted", async () => (await shell()).includes("von hier"));
		const row = await page.evaluate(() => {
			const r = document.querySelector(".xterm-rows").getBoundingClientRect();
			return { x: r.left + 3, y: r.top + 8 };
		});
		await hand.mouse(row, "mousedown", "1");
		await hand.mouse({ ...row, x: row.x + 500 }, "mouseup", "1");
		hand.press("ControlLeft", "ShiftLeft", "KeyC");
		await until("it is copied", () => there(hand.x).trimEnd().endsWith("cat"));
	},
};
