// Work on machines: terminals, and the sessions they are.
import { assert, rows, terminal, until, visible } from "../story.mjs";

export const work = {
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

		// Find selects, copy takes it; what may run line by line is shown before it is pasted.
		await page.keyboard.press("Control+Shift+F");
		await page.getByRole("textbox", { name: "Find" }).fill("true colour");
		await page.keyboard.press("Enter");
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Copy the selection" }).click();
		await until("it is copied", async () => (await page.evaluate(() => navigator.clipboard.readText())) === "true colour");
		await page.keyboard.type("cat\n");
		await page.evaluate(() => navigator.clipboard.writeText("first\nsecond"));
		await page.waitForTimeout(300);
		await page.getByRole("button", { name: "Paste" }).click();
		await visible(page, "Paste 2 lines?");
		await page.getByRole("dialog").getByRole("button", { name: "Paste" }).click();
		await until("both are there", async () => /first[^]*second/.test(await rows(page).innerText()));
		await page.locator(".xterm-helper-textarea").focus();
		await page.keyboard.press("Control+c");

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

		// Where the device refuses a user, another is asked for in place.
		await page.getByRole("button", { name: "New terminal" }).first().click();
		await page.getByRole("combobox", { name: "Device" }).fill("kiosk-3");
		await page.getByLabel("User on the device").fill("nobody-here");
		await page.getByRole("button", { name: "Open", exact: true }).click();
		const over = page.locator(".term-over");
		await over.getByText("This device has no user nobody-here").waitFor();
		await s.axe(page, "terminal, refused");
		await over.getByLabel("User on the device").fill("");
		await over.getByRole("button", { name: "Open", exact: true }).click();
		await page.getByRole("tab", { name: /open ?kiosk-3/ }).waitFor();
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
};
