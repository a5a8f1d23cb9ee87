// Between the two clipboards nothing moves but by the technician's hand.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copies, desk, display, keys, on, opened, picture, same, there, watched, xclip } from "../screen.mjs";
import { assert, until, visible } from "../story.mjs";

const here = (page) => page.evaluate(() => navigator.clipboard.readText());

/** The pixels of a PNG as this browser decodes it: the page's own clipboard's, or one that is given. */
const decoded = (page, bytes) =>
	page.evaluate(async (given) => {
		let blob;
		if (given === undefined) {
			const [item] = await navigator.clipboard.read();
			blob = await item.getType("image/png");
		} else {
			blob = new Blob([Uint8Array.from(atob(given), (c) => c.charCodeAt(0))], { type: "image/png" });
		}
		const image = await createImageBitmap(blob);
		const c = new OffscreenCanvas(image.width, image.height);
		const ctx = c.getContext("2d");
		ctx.drawImage(image, 0, 0);
		const sum = await crypto.subtle.digest("SHA-256", ctx.getImageData(0, 0, c.width, c.height).data);
		return `${c.width} by ${c.height}: ${Array.from(new Uint8Array(sum), (b) => b.toString(16)).join("")}`;
	}, bytes?.toString("base64"));

export const clips = {
	async clipboard(s) {
		const x = await display(s);
		const file = join(x.dir, "note.txt");
		writeFileSync(file, "");
		on(s, x, "openbox");
		on(s, x, "l3afpad", [file]);
		await watched(s, x, "till-8");
		const page = await desk(s, "till-8", x);
		await opened(page);
		await until("the picture", () => same(page, x));
		const offer = page.locator(".desk-offer");
		await page.evaluate(() => navigator.clipboard.writeText("private, of this machine"));

		// What the device copies is offered, and no more.
		copies(s, x, "from the device");
		await offer.getByText("Text, 15 B").waitFor();
		await offer.getByText("from the device").waitFor();
		await s.axe(page, "desktop, an offer");
		await s.picture(page, "desktop-offer-light-desktop");
		assert((await here(page)) === "private, of this machine", "the device wrote this machine's clipboard");

		// Nor does this machine's go there, whoever comes and goes, clicks and types.
		await page.evaluate(() => dispatchEvent(new Event("blur")));
		await page.locator(".desk-canvas").click();
		await keys(page);
		await page.keyboard.type("typed ", { delay: 15 });
		await page.keyboard.press("Control+s");
		await until("it is typed and saved", () => readFileSync(file, "utf8").startsWith("typed "));
		assert(there(x) === "from the device", `the device has ${there(x)}`);

		// A click takes it.
		await page.getByRole("button", { name: "Clipboard: the device copied something" }).click();
		await page.getByRole("dialog").waitFor();
		await s.axe(page, "desktop, clipboard");
		await page.getByRole("dialog").getByRole("button", { name: "Copy it here" }).click();
		await until("it is here", async () => (await here(page)) === "from the device");

		// Ctrl+C on the device takes what it copies; what a program copies afterwards stays there.
		await keys(page);
		await page.keyboard.press("Control+a");
		await page.keyboard.type("Grüße vom Gerät ", { delay: 15 });
		await page.keyboard.press("Control+a");
		await page.keyboard.press("Control+c");
		await until("what was copied there is here", async () => (await here(page)) === "Grüße vom Gerät ");
		await visible(page, "Copied from the device to here");
		copies(s, x, "slipped in");
		await offer.getByText("slipped in").waitFor();
		assert((await here(page)) === "Grüße vom Gerät ", "a second copy came along");

		// What is copied here, in a field of the page, goes with Ctrl+V, and before the key.
		await page.getByRole("button", { name: /^Clipboard/ }).click();
		await page.getByLabel("Text for the device").fill("von hier, übers Netz");
		await page.keyboard.press("Control+a");
		await page.keyboard.press("Control+c");
		await page.keyboard.press("Escape");
		assert(there(x) === "slipped in", "copying here reached the device");
		await keys(page);
		await page.keyboard.press("Control+End");
		await page.keyboard.press("Control+v");
		await until("the device has it", () => there(x) === "von hier, übers Netz");
		await page.keyboard.press("Control+s");
		await until("it is pasted", () => existsSync(file) && readFileSync(file, "utf8").includes("von hier, übers Netz"));
	},

	async pictures(s) {
		const x = await display(s);
		await watched(s, x, "till-6");
		const page = await desk(s, "till-6", x);
		await opened(page);
		const offer = page.locator(".desk-offer");
		await page.evaluate(() => navigator.clipboard.writeText("private"));

		// A large one, in many parts and several pieces of the X server's.
		const large = picture(900, 500);
		const file = join(x.dir, "large.png");
		writeFileSync(file, large);
		xclip(x, ["-t", "image/png", "-i", file]);
		await offer.getByText("Picture, 900 × 500").waitFor();
		assert((await here(page)) === "private", "the device wrote this machine's clipboard");
		await offer.getByRole("button", { name: "Copy it here" }).click();
		await visible(page, "Copied from the device to here");
		assert((await decoded(page)) === (await decoded(page, large)), "another picture is here");

		// And the other way.
		const small = picture(120, 80);
		await page.evaluate(async (given) => {
			const blob = new Blob([Uint8Array.from(atob(given), (c) => c.charCodeAt(0))], { type: "image/png" });
			await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
			dispatchEvent(new Event("blur")); // as who copies in another window
		}, small.toString("base64"));
		await keys(page);
		await page.keyboard.press("Control+v");
		await until("the device has the picture", async () => {
			const got = xclip(x, ["-o", "-t", "image/png"]).stdout;
			return got.length > 0 && (await decoded(page, got)) === (await decoded(page, small));
		});
	},
};
