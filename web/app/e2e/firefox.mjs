// Firefox, on a display of its own with a German keyboard: keys and the mouse
// are the X server's, as from a person's hand, and the windows' manager is there.
import puppeteer from "puppeteer-core";
import { keycodes, strokes } from "./keyboard.mjs";
import { ask, display, on } from "./screen.mjs";
import { installed } from "./story.mjs";

/** A technician with Firefox, which has these preferences. */
export async function technician(s, preferences = {}) {
	const executablePath = installed("firefox", "firefox-esr");
	const x = await display(s, "1400x950");
	on(s, x, "openbox");
	ask(x, "setxkbmap", "de");
	const browser = await puppeteer.launch({
		browser: "firefox",
		executablePath,
		headless: false,
		defaultViewport: null,
		env: { ...process.env, DISPLAY: x.name, LANG: "C.UTF-8", NO_AT_BRIDGE: "1" },
		// A window without the focus has none, as for everybody.
		extraPrefsFirefox: { "focusmanager.testmode": false, "intl.accept_languages": "en-GB, en", ...preferences },
		args: ["--width=1380", "--height=900"],
	});
	s.contexts.push({ pages: () => [page], close: () => browser.close() });
	const [page] = await browser.pages();
	page.setDefaultTimeout(20_000);
	page.on("console", (m) => {
		if (m.type() === "error") {
			s.wrong.push(m.text().slice(0, 300));
		}
	});
	page.on("pageerror", (e) => s.wrong.push(String(e)));
	return new Hand(x, page);
}

/** Firefox's only page, and a hand at its keyboard and mouse. */
class Hand {
	constructor(x, page) {
		this.x = x;
		this.page = page;
	}

	async goto(url) {
		await this.page.goto("about:blank"); // a page that is there hears of no token
		await this.page.goto(url);
		await this.page.waitForFunction(() => !location.hash.includes("t="));
	}

	/** What has the role and the name. */
	find(role, name) {
		return this.page.waitForSelector(`aria/${name}[role="${role}"]`);
	}

	async click(role, name) {
		const at = await (await this.find(role, name)).boundingBox();
		await this.mouse({ x: at.x + at.width / 2, y: at.y + at.height / 2 }, "click", "1");
	}

	/** The mouse goes to a place of the page, and does something there. */
	async mouse(at, ...does) {
		const corner = await this.page.evaluate(() => ({ x: mozInnerScreenX, y: mozInnerScreenY }));
		ask(this.x, "xdotool", "mousemove", String(Math.round(at.x + corner.x)), String(Math.round(at.y + corner.y)), ...does);
	}

	/** Keys by their codes, the last one while the others are held. */
	press(...codes) {
		const keys = codes.map((code) => String(keycodes.get(code) ?? code)); // Escape's number is the name of a digit
		const held = keys.slice(0, -1);
		ask(this.x, "xdotool", ...held.flatMap((k) => ["keydown", k]), "key", keys.at(-1), ...held.reverse().flatMap((k) => ["keyup", k]));
	}

	type(text) {
		for (const { code, level } of strokes(text)) {
			this.press(...[[], ["ShiftLeft"], ["AltRight"]][level], code);
		}
	}
}
