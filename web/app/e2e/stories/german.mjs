// Every page in German: nothing English is left over, and nothing is cut off.
import { desk, display, terminalOn, watched } from "../screen.mjs";
import { desktop, phone, until } from "../story.mjs";
import { ownMachine } from "./begin.mjs";
import { cutOff, leftOver, onlyEnglish } from "../words.mjs";

async function look(s, page, english, as) {
	for (const [device, size] of Object.entries({ desktop, phone })) {
		await page.setViewportSize(size);
		await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
		for (const text of await leftOver(page, english)) {
			s.wrong.push(`${as}, ${device}, is English: ${text}`);
		}
		for (const text of await cutOff(page)) {
			s.wrong.push(`${as}, ${device}, is cut off: ${text}`);
		}
		await s.fits(page, `${as}, ${device}`);
		await s.picture(page, `de-${as}-${device}`);
	}
	await page.setViewportSize(desktop);
}

/** How it is at the keyboard of a German browser. */
const there = { locale: "de-DE", reducedMotion: "reduce" };

export const german = {
	/** What devices say, in the page's language: by their codes, not by what the page knows of English. */
	async said(s) {
		const english = await onlyEnglish();
		const x = await display(s, "800x600");
		terminalOn(s, x, "echo guten Tag; sleep 600");
		await watched(s, x, "kasse-2");

		// A display that is not there: what is, and what to do.
		const wrong = await desk(s, "kasse-2", { name: ":64999" }, there);
		await wrong.getByText("Das Gerät hat keine Anzeige :64999.").waitFor();
		await wrong.getByText("Wählen Sie eine, die es hat:").waitFor();
		await look(s, wrong, english, "desktop-missing");

		// Why the picture travels as it does, and a note of what was not possible.
		const page = await desk(s, "kasse-2", x, there);
		await page.locator("[data-quality]").waitFor();
		await page.getByRole("button", { name: "Qualität" }).click();
		await page.getByRole("menu").getByText("Jeder Bildpunkt kommt, wie er ist").waitFor();
		await look(s, page, english, "desktop-quality");
		await page.keyboard.press("Escape");

		// Another way in: the terminal as a user that the node there cannot be.
		await s.go(page, "#/terminal");
		await page.getByRole("button", { name: "Neues Terminal" }).first().click();
		await page.getByRole("combobox", { name: "Gerät" }).fill("kasse-2");
		await page.getByRole("textbox", { name: "Benutzer auf dem Gerät" }).fill("niemand-hier");
		await page.getByRole("button", { name: "Öffnen", exact: true }).click();
		await page.getByText("gibt es auf diesem Gerät nicht").or(page.getByText("bietet nur seinen eigenen Benutzer")).first().waitFor();
		await look(s, page, english, "terminal-refused");

		// What is to be known of who waits.
		const { link } = JSON.parse(s.warren("invite", "--role", "technician", "--admin", "--json"));
		s.warrenIn(s.folder(), "join", link, "--yes", "--no-wait", "--name", "zweite-1");
		await s.go(page, "#/invites");
		await page.getByText("Das macht einen Admin: alle Rechte auf jeder Maschine.").waitFor();
		s.warren("reject", "zweite-1", "--yes");
	},

	async german(s) {
		const english = await onlyEnglish();
		const see = (page, as) => look(s, page, english, as);
		const outside = await (await s.context({ locale: "de-DE" })).newPage();
		await outside.goto(new URL(s.warren("console", "--no-open")).origin);
		await outside.getByRole("heading", { name: "Diese Seite braucht einen Zugang" }).waitFor();
		await see(outside, "gate");

		const page = await s.enter({ locale: "de-DE", reducedMotion: "reduce" });
		await page.getByRole("heading", { name: /Alles läuft|Läuft/ }).waitFor();
		await see(page, "overview");
		const pages = {
			devices: ".grid-row",
			"devices/kiosk-1": "h1",
			"devices/kiosk-1/path": "h1",
			"devices/kiosk-1/sessions": "h1",
			invites: "h1",
			network: ".grid-row",
			access: ".cm-content",
			sessions: "h1",
			audit: ".grid-row",
			mesh: "table",
			terminal: ".empty, .term-view",
		};
		for (const [where, ready] of Object.entries(pages)) {
			await s.go(page, `#/${where}`);
			await page.locator(ready).first().waitFor();
			await until(`${where} is there`, async () => (await page.locator(".skeleton").count()) === 0);
			await see(page, where.replaceAll("/", "-"));
			// What lies behind its tabs.
			const tabs = page.locator("main [role=tablist] [role=tab]");
			for (let i = 1; i < (await tabs.count()) && !where.includes("/") && where !== "terminal"; i++) {
				await tabs.nth(i).click();
				await see(page, `${where}-${i}`);
			}
		}
		await s.go(page, "#/invites?make");
		await page.getByRole("dialog").waitFor();
		await see(page, "invite");
		await page.getByRole("dialog").getByRole("button", { name: "Einladung erstellen" }).click();
		await page.locator("[data-link]").waitFor();
		await see(page, "invite-made");
		await page.keyboard.press("Escape");
		await page.keyboard.press("Control+k");
		await page.getByRole("combobox").waitFor();
		await see(page, "palette");
		await page.keyboard.press("Escape");
		await s.go(page, "#/devices/kiosk-1");
		await page.getByRole("button", { name: "Sperren" }).click();
		await page.getByRole("dialog").waitFor();
		await see(page, "revoke");
		await page.keyboard.press("Escape");
		await page.evaluate(() => sessionStorage.setItem("warren.bearer.end", String(Date.now() + 10 * 60_000)));
		await page.reload();
		await page.getByText("endet in 10 min").waitFor();
		await see(page, "ending");

		const state = s.folder();
		const port = await s.freePort();
		s.start(state, "up", "--loopback", "--listen", `:${await s.freePort()}`, "--console", `127.0.0.1:${port}`);
		await until("the node's socket", () => s.warrenIn(state, "console", "--no-open") !== "");
		const first = await s.enter({ locale: "de-DE" }, state);
		await first.locator("h1").waitFor();
		await see(first, "first");
		await first.locator("input").first().fill("acme");
		await first.locator("button[type=submit]").click();
		await first.locator("pre.recovery").waitFor();
		await see(first, "first-key");
		await first.locator("input[type=checkbox]").check();
		await first.locator(".stack > button").last().click();
		await first.locator(".command code").first().waitFor();
		await see(first, "first-invite");
		const command = await first.locator(".command code").first().innerText();
		const device = s.folder();
		s.warrenIn(device, "join", /'(.*)'/.exec(command)[1], "--yes", "--no-wait", "--name", "kasse-1");
		await first.getByRole("heading", { name: "kasse-1 bittet um Aufnahme" }).waitFor();
		await see(first, "first-approve");
		await first.getByRole("button", { name: "Die Wörter stimmen" }).click();
		await first.getByText("Ein Schritt fehlt dort noch").waitFor();
		await see(first, "first-up");
		s.start(device, "up", "--loopback", "--listen", `:${await s.freePort()}`);
		await first.getByText("Sie dürfen jetzt ein Terminal").waitFor({ timeout: 60_000 });
		await see(first, "first-terminal");

		const owner = await s.enter({ locale: "de-DE" }, await ownMachine(s, "kims-laptop"));
		await owner.getByRole("cell", { name: /desk/ }).first().waitFor();
		await see(owner, "owner");
		await owner.getByRole("button", { name: "Das Mesh verlassen" }).click();
		await owner.getByRole("dialog").waitFor();
		await see(owner, "owner-leave");
		await owner.getByRole("dialog").getByRole("button", { name: "Das Mesh verlassen" }).click();
		await owner.getByText("Dieses Gerät hat das Mesh verlassen").waitFor();
		await see(owner, "owner-left");
	},
};
