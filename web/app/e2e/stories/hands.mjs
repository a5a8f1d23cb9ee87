// Hands on a watched desktop: keyboards of other countries, fingers, the whole screen.
import { strokes } from "../keyboard.mjs";
import { ask, bytesOf, desk, display, keys, opened, place, same, watched } from "../screen.mjs";
import { assert, phone, until } from "../story.mjs";

const ctrl = 2;
const shift = 8;

/** A keyboard as Chromium tells a page of it, whatever layout this machine has. */
async function keyboard(page) {
	const cdp = await page.context().newCDPSession(page);
	const key = (type, code, name, modifiers = 0) => cdp.send("Input.dispatchKeyEvent", { type, code, key: name, modifiers });
	const press = async (code, name, modifiers) => {
		await key("rawKeyDown", code, name, modifiers);
		await key("keyUp", code, name, modifiers);
	};
	return {
		key,
		press,
		async type(text) {
			for (const { code, c, level } of strokes(text)) {
				const held = [undefined, ["ShiftLeft", "Shift", shift], ["AltRight", "AltGraph", 0]][level];
				if (held !== undefined) {
					await key("rawKeyDown", ...held);
				}
				await press(code, c, held?.[2]);
				if (held !== undefined) {
					await key("keyUp", held[0], held[1]);
				}
			}
		},
		/** A dead key and a letter, or an input method: the browser composes, and says what came of it. */
		async compose(before, text) {
			await press("Equal", "Dead");
			await cdp.send("Input.imeSetComposition", { text: before, selectionStart: before.length, selectionEnd: before.length });
			await cdp.send("Input.insertText", { text });
		},
	};
}

export const hands = {
	async keyboards(s) {
		const x = await display(s);
		const bytes = await bytesOf(s, x);
		await watched(s, x, "till-5");
		const page = await desk(s, "till-5", x);
		await opened(page);
		await keys(page);
		const k = await keyboard(page);
		let want = "";
		const arrives = async (what, typed) => {
			want += typed;
			await until(`${what}: ${JSON.stringify(want)}`, () => bytes.read() === want).catch((e) => {
				throw new Error(`${e.message}: there is ${JSON.stringify(bytes.read())}`);
			});
		};
		for (const layout of ["us", "de", "fr"]) {
			ask(x, "setxkbmap", layout);
			const text = "Zwölf Boxkämpfer jagen; \"Über\" <größe> [1] {2} a@b.de 5€ ~\\|#'+* §&/()=?";
			await k.type(text);
			await arrives(`a German keyboard on a ${layout} one`, text);
			// By the letter, not by the place.
			await k.key("rawKeyDown", "ControlLeft", "Control", ctrl);
			await k.press("KeyY", "z", ctrl);
			await k.key("keyUp", "ControlLeft", "Control");
			await arrives(`Ctrl+Z on ${layout}`, "\x1a");
			// Windows tells of AltGr as of a Ctrl before it.
			await k.key("rawKeyDown", "ControlLeft", "Control", ctrl);
			await k.key("rawKeyDown", "AltRight", "AltGraph");
			await k.press("KeyQ", "@");
			await k.key("keyUp", "ControlLeft", "Control");
			await k.key("keyUp", "AltRight", "AltGraph");
			await k.type("q");
			await arrives(`AltGr of Windows on ${layout}`, "@q");
			await k.compose("´", "é");
			await k.compose("^", "û");
			await k.compose("か", "漢字");
			await k.type("y");
			await arrives(`dead keys and an input method on ${layout}`, "éû漢字y");
		}

		// What is held when the page loses the keyboard is let go.
		await k.key("rawKeyDown", "ControlLeft", "Control", ctrl);
		await page.getByRole("button", { name: "Full screen" }).focus();
		await keys(page);
		await k.type("z");
		await arrives("no Ctrl is left", "z");
		// Keys that this machine would keep.
		await page.getByRole("button", { name: "Special keys" }).click();
		await page.getByRole("menuitem", { name: "Ctrl + Esc" }).click();
		await arrives("a special key", "\x1b");
	},

	async touch(s) {
		const x = await display(s);
		// Presses, drags and the wheel come as SGR sequences.
		const bytes = await bytesOf(s, x, "\\033[?1002h\\033[?1006h");
		await watched(s, x, "till-4");
		const page = await desk(s, "till-4", x, { hasTouch: true, isMobile: true, viewport: phone });
		await opened(page);
		await until("the picture", () => same(page, x));
		const cdp = await page.context().newCDPSession(page);
		const fingers = (type, ...at) => cdp.send("Input.dispatchTouchEvent", { type, touchPoints: at.map(({ x: px, y: py }, id) => ({ x: px, y: py, id })) });
		let before = 0;
		const comes = async (what, re) => {
			await until(what, () => re.test(bytes.read().slice(before))).catch((e) => {
				throw new Error(`${e.message}: there is ${JSON.stringify(bytes.read().slice(before))}`);
			});
			before = bytes.read().length;
		};
		const [a, b] = [await place(page, 200, 300), await place(page, 500, 300)];

		await page.touchscreen.tap(a.x, a.y);
		await comes("a tap is a click", /^\x1b\[<0;\d+;\d+M\x1b\[<0;\d+;\d+m$/);
		await fingers("touchStart", a);
		await comes("holding is the right button", /^\x1b\[<2;\d+;\d+M\x1b\[<2;\d+;\d+m$/);
		await fingers("touchEnd");
		await fingers("touchStart", a);
		await fingers("touchMove", { x: (a.x + b.x) / 2, y: a.y });
		await fingers("touchMove", b);
		await fingers("touchEnd");
		await comes("one finger drags", /^\x1b\[<0;(\d+);\d+M(?:\x1b\[<32;\d+;\d+M)+\x1b\[<0;(?!\1;)\d+;\d+m$/);
		const lower = (p, dy) => ({ x: p.x, y: p.y + dy });
		await fingers("touchStart", a, b);
		for (let dy = 10; dy <= 120; dy += 10) {
			await fingers("touchMove", lower(a, -dy), lower(b, -dy));
		}
		await fingers("touchEnd");
		await comes("two fingers turn the wheel", /^(?:\x1b\[<65;\d+;\d+M)+$/);

		// The phone's own keyboard.
		await page.getByRole("button", { name: "Show the keyboard" }).tap();
		await cdp.send("Input.insertText", { text: "grüß dich 👍" });
		await comes("what a phone types", /^grüß dich 👍$/u);
		await s.fits(page, "desktop, touch");
	},

	// Nothing stays down where the page hangs, or the watched machine's node is killed.
	async held(s) {
		const x = await display(s);
		const bytes = await bytesOf(s, x, "\\033[?1002h\\033[?1006h");
		const machine = await watched(s, x, "till-10");
		const page = await desk(s, "till-10", x);
		await opened(page);
		const at = await place(page, 300, 300);
		const comes = (what, re, patience) =>
			until(what, () => re.test(bytes.read()), patience).catch((e) => {
				throw new Error(`${e.message}: there is ${JSON.stringify(bytes.read())}`);
			});
		const pause = (ms) => new Promise((done) => setTimeout(done, ms));
		await page.mouse.move(at.x, at.y);
		await page.mouse.down();
		await comes("the button is down", /^\x1b\[<0;\d+;\d+M$/);
		await pause(6000); // longer than a silent hand may hold it
		await comes("a hand that moves nothing holds it", /^\x1b\[<0;\d+;\d+M$/, 1000);
		const hangs = page.evaluate(() => {
			for (const end = Date.now() + 8000; Date.now() < end; );
			return Date.now();
		});
		await comes("it is let go", /^\x1b\[<0;\d+;\d+M\x1b\[<0;\d+;\d+m$/);
		assert(Date.now() < (await hangs), "it was let go only when the page was back");
		await page.getByRole("status").getByText("let go of the mouse button").waitFor();
		await s.axe(page, "desktop, let go");
		await s.picture(page, "desktop-let-go-light-desktop");
		await page.mouse.move(at.x + 100, at.y);
		await page.mouse.up();
		await page.mouse.down();
		await comes("it is pressed anew", /m\x1b\[<0;\d+;\d+M$/);

		await keys(page);
		const k = await keyboard(page);
		await k.key("rawKeyDown", "KeyA", "a");
		await comes("a key repeats", /aaa/);
		machine.node.kill("SIGKILL");
		await comes("the dead node's button is let go", /M(?:a|\x1b\[<32;\d+;\d+M)*\x1b\[<0;\d+;\d+ma*$/);
		await pause(300);
		const typed = bytes.read();
		await pause(1500);
		assert(bytes.read() === typed, "the dead node's key goes on and on");
	},

	async full(s) {
		const x = await display(s);
		const bytes = await bytesOf(s, x);
		await watched(s, x, "till-3");
		const page = await desk(s, "till-3", x);
		await opened(page);
		const wide = () => page.evaluate(() => document.querySelector(".desk-host").getBoundingClientRect().width);
		const before = await wide();
		await page.getByRole("button", { name: "Full screen" }).click();
		await until("it is full", () => page.evaluate(() => document.fullscreenElement === document.documentElement));
		await until("the desktop is the page", async () => (await wide()) > before);
		assert(!(await page.getByRole("link", { name: "Overview" }).first().isVisible()), "the frame is still there");
		assert(await page.evaluate(() => document.activeElement?.className === "desk-keys"), "the keyboard is elsewhere");
		await until("the same picture", () => same(page, x));
		await page.keyboard.type("full", { delay: 15 });
		await until("keys arrive", () => bytes.read() === "full");
		// A menu lies over it there too.
		await page.getByRole("button", { name: "Quality" }).click();
		await page.getByRole("menuitemradio", { name: "Automatic" }).waitFor();
		await s.picture(page, "desktop-full-light-desktop");
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Leave full screen" }).click();
		await until("the frame is back", async () => (await wide()) === before);

		// Each pixel as it is, and scrolled where it is larger than the window.
		await page.setViewportSize({ width: 900, height: 500 });
		await page.getByRole("button", { name: "Show each pixel as it is" }).click();
		await until("one to one", () => page.evaluate(() => document.querySelector(".desk-canvas").getBoundingClientRect().width * devicePixelRatio === 1280));
		await page.getByRole("button", { name: "Fit the picture to the window" }).click();
		await until("it fits", () => page.evaluate(() => document.querySelector(".desk-canvas").getBoundingClientRect().width < 900));
	},
};
