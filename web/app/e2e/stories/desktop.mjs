// A machine's screen: what the X server shows is what the page shows, and what is typed here arrives there.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, desk, display, keys, opened, place, same, terminalOn, watched } from "../screen.mjs";
import { assert, until, visible } from "../story.mjs";

export const desktop = {
	async desktop(s) {
		const x = await display(s);
		const typed = join(x.dir, "typed");
		terminalOn(
			s,
			x,
			`for i in $(seq 31 37) $(seq 91 97); do printf '\\033[%smwarren shows each pixel as it is \\033[7m %s \\033[0m\\n' $i $i; done; cat > ${typed}; sleep 600`,
		);
		const device = await watched(s, x, "till-9");

		// One verb leads there.
		const page = await desk(s, "till-9", x);
		await opened(page);
		await until("the page shows what the X server does, to the pixel", () => same(page, x));
		await s.show(page, "desktop", (p) => p.locator("[data-quality]").waitFor());

		// Keys arrive as characters, whatever the layout; what no key has too.
		await keys(page);
		await page.keyboard.type("Hello, World! 123 ~#{}[]|@ äöüß€ ñé Ж\n", { delay: 15 });
		await page.keyboard.press("Control+d");
		await until("what was typed is there", () => existsSync(typed) && readFileSync(typed, "utf8").endsWith("\n"));
		const got = readFileSync(typed, "utf8");
		assert(got === "Hello, World! 123 ~#{}[]|@ äöüß€ ñé Ж\n", `typed: ${JSON.stringify(got)}`);

		// The keyboard is no trap.
		await page.keyboard.press("Control+Alt+Shift+M");
		await until("the bar has the focus", () => page.evaluate(() => document.activeElement?.closest(".desk-bar") !== null));

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

	/** A machine with two displays, one of which has two monitors. */
	async displays(s) {
		const [x, other] = [await display(s), await display(s, "800x600")];
		ask(x, "xrandr", "--setmonitor", "left", "640/170x720/190+0+0", "screen");
		ask(x, "xrandr", "--setmonitor", "right", "640/170x720/190+640+0", "none");
		terminalOn(s, x, "echo left; sleep 600", "40x10+20+20");
		terminalOn(s, x, "echo right; sleep 600", "40x10+700+60");
		terminalOn(s, other, "echo the other display; sleep 600", "40x10+20+20");
		await watched(s, x, "wall-1");
		const page = await desk(s, "wall-1", x);
		await opened(page);
		await until("both monitors", () => same(page, x));
		const menu = page.getByRole("button", { name: /^Display: / });
		const choose = async (name) => {
			await menu.click();
			await page.getByRole("menuitemradio", { name }).click();
		};

		await choose(/^right · 640 × 720/);
		await until("the right one alone", () => same(page, x, { x: 640, y: 0, width: 640, height: 720 }));
		// The pointer counts from that monitor's corner.
		const spot = await place(page, 100, 50);
		await page.mouse.move(spot.x, spot.y);
		await until("the pointer is on it", () => / x:740 y:50 /.test(` ${ask(x, "xdotool", "getmouselocation")}`.replace("\n", " ")));
		await menu.click();
		await s.axe(page, "desktop, displays");
		await s.picture(page, "desktop-displays-light-desktop");
		await page.getByRole("menuitemradio", { name: "All monitors" }).click();
		await until("all of it", () => same(page, x));

		await choose(new RegExp(`^${other.name}`));
		await page.waitForURL((u) => u.hash.includes(encodeURIComponent(other.name)));
		await until("the other display", () => same(page, other));
		await choose(new RegExp(`^${x.name}`));
		await until("and back", () => same(page, x));

		// One that goes in mid-session is said; the others are still there to choose from.
		ask(x, "xrandr", "--delmonitor", "right");
		await until("one monitor is left", async () => (await menu.getAttribute("aria-label"))?.includes("Monitor") === false);
		await until("the picture is whole", () => same(page, x));

		// Somebody logs in, and out again.
		const third = await display(s, "640x480");
		const listed = async (name) => {
			await menu.click();
			const n = await page.getByRole("menuitemradio", { name: new RegExp(`^${name}`) }).count();
			await page.keyboard.press("Escape");
			return n > 0;
		};
		await until("a display that has come is listed", () => listed(third.name));
		assert(await listed(other.name), "the one before is not listed any more");
		third.server.kill("SIGKILL");
		await until("one that has gone is not", async () => !(await listed(third.name)));
		await same(page, x);

		// The display that is looked at ends: another is a click away, and not shown without it.
		x.server.kill("SIGTERM");
		const instead = page.getByRole("group", { name: "Other displays" }).getByRole("button", { name: new RegExp(`^${other.name}`) });
		await instead.waitFor();
		await visible(page, "It is asked for again");
		await s.show(page, "desktop-ended");
		await instead.click();
		await until("the other display", () => same(page, other));
	},
};
