// The console in Debian's Firefox, by the keys and the mouse of its own display.
import { technician } from "../firefox.mjs";
import { ask, bytesOf, deskAt, display, place, same, watched } from "../screen.mjs";
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

export const firefox = {
	async firefox(s) {
		const x = await display(s);
		const bytes = await bytesOf(s, x, "\\033[?1002h\\033[?1006h");
		await watched(s, x, "till-12");
		const hand = await technician(s);
		const { page } = hand;

		// A terminal.
		await hand.goto(s.warren("console", "--no-open"));
		await s.go(page, "#/terminal");
		await hand.click("button", "New terminal");
		await hand.click("combobox", "Device");
		hand.type("kiosk-1");
		await hand.click("button", "Open");
		await hand.find("tab", "open kiosk-1");
		const shell = () => page.evaluate(() => document.querySelector(".xterm-rows").innerText);
		await until("a prompt", async () => /[$#]/.test(await shell()));
		hand.type("cat\n");
		hand.type(text);
		composes(hand);
		await until("what was typed is there", async () => (await shell()).includes(text + composed));

		// The desktop of a machine: each pixel.
		await hand.goto(deskAt(s, "till-12", x));
		await hand.find("image", "open");
		await until("the page shows what the X server does, to the pixel", () => same(page, x));

		// The mouse.
		const arrives = async (what, re, does) => {
			const before = bytes.read().length;
			await does();
			const got = () => bytes.read().slice(before);
			await until(what, () => re.test(got())).catch((e) => {
				throw new Error(`${e.message}: there is ${JSON.stringify(got())}`);
			});
		};
		const at = await place(page, 300, 200);
		await arrives("a click", /^\x1b\[<0;\d+;\d+M\x1b\[<0;\d+;\d+m$/, () => hand.mouse(at, "click", "1"));
		assert(/^x:300 y:200 /.test(ask(x, "xdotool", "getmouselocation")), "the pointer is elsewhere");
		await arrives("the right button", /^\x1b\[<2;\d+;\d+M\x1b\[<2;\d+;\d+m$/, () => hand.mouse(at, "click", "3"));
		await arrives("a notch of the wheel", /^\x1b\[<65;\d+;\d+M$/, () => hand.mouse(at, "click", "5"));

		// Keys.
		const before = bytes.read().length;
		hand.type(text);
		composes(hand);
		await until("what was typed is there", () => bytes.read().slice(before) === text + composed).catch((e) => {
			throw new Error(`${e.message}: there is ${JSON.stringify(bytes.read().slice(before))}`);
		});
	},
};
