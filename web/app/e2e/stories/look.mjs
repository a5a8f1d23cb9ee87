// What is looked at: a page shows what the node tells, and its controls do what they say.
import { assert, phone, until, visible } from "../story.mjs";

export const look = {
	async overview(s) {
		const page = await s.enter();
		await page.getByRole("heading", { name: /Everything works|Works, with warnings/ }).waitFor();
		await visible(page, "What to do next");
		await s.show(page, "overview");

		// The manual on a phone: its text first, its pages folded away.
		await page.setViewportSize(phone);
		await page.goto(new URL("/docs/desktop", page.url()).href);
		const nav = page.getByRole("navigation", { name: "Manual" });
		const { height } = await nav.boundingBox();
		assert(height < phone.height * 0.1, `the list of pages takes ${height} pixels`);
		await s.fits(page, "the manual");
		await s.axe(page, "the manual");
		await nav.getByText("All pages").click();
		await nav.getByRole("link", { name: "Policies" }).click();
		await page.getByRole("heading", { name: "Policies", level: 1 }).waitFor();
	},

	async devices(s) {
		const page = await s.enter();
		await s.go(page, "#/devices");
		await page.getByRole("table", { name: "Devices of the mesh" }).waitFor();
		await s.show(page, "devices", async (p) => {
			await p.locator(".grid-row").first().waitFor();
		});
		await page.getByRole("searchbox").fill("kiosk-1");
		await until("one row", async () => (await page.locator(".grid-row").count()) === 1);
		await page.getByRole("searchbox").fill("nothing is called that");
		await visible(page, "Nothing matches");
		await page.getByRole("button", { name: "Clear the filter" }).click();
		await page.locator(".grid-row a").first().focus();
		await page.keyboard.press("ArrowDown");
		await until("the second row has the focus", () =>
			page.evaluate(() => document.activeElement?.closest("[data-row]")?.dataset.row === "1"),
		);
		await page.keyboard.press("Enter");
		await page.getByRole("tab", { name: "Facts" }).waitFor();
	},

	async device(s) {
		const page = await s.enter();
		await s.go(page, "#/devices/kiosk-2");
		await page.getByRole("heading", { name: "kiosk-2" }).waitFor();
		await s.show(page, "device");
		await page.getByRole("tab", { name: "Path" }).click();
		await page.getByRole("button", { name: "Ping" }).click();
		await page.locator(".pongs li").first().waitFor();
		await s.axe(page, "device, path");
	},

	async network(s) {
		const page = await s.enter();
		await s.go(page, "#/network");
		await page.getByRole("table", { name: "Peers" }).waitFor();
		await s.show(page, "network", (p) => p.locator(".grid-row").first().waitFor());
		await page.getByRole("tab", { name: "Graph" }).click();
		await page.locator(".graph circle").first().waitFor();
		await s.show(page, "network-graph");
		await page.getByRole("link", { name: /kiosk-1: online/ }).focus();
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: "kiosk-1" }).waitFor();
	},

	async audit(s) {
		const page = await s.enter();
		await s.go(page, "#/audit");
		await page.locator(".grid-row").first().waitFor();
		await s.show(page, "audit", (p) => p.locator(".grid-row").first().waitFor());
		await page.getByRole("searchbox").fill("mesh founded");
		await until("one record", async () => (await page.locator(".grid-row").count()) === 1);
		await page.locator(".grid-row a").click();
		await page.getByRole("heading", { name: /Record 0: mesh founded/ }).waitFor();
		await s.axe(page, "audit, record");
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Verify" }).click();
		await visible(page, "are one unbroken history");
		await s.axe(page, "audit, verified");
	},

	async mesh(s) {
		const page = await s.enter();
		await s.go(page, "#/mesh");
		await page.getByRole("cell", { name: "hq-1" }).first().waitFor();
		await s.show(page, "mesh");
	},

	async palette(s) {
		const page = await s.enter();
		await page.getByRole("heading", { name: /Everything works|Works, with/ }).waitFor();
		await page.keyboard.press("Control+k");
		const box = page.getByRole("combobox");
		await box.fill("kiosk-3");
		await page.getByRole("option", { name: /Open a terminal on kiosk-3/ }).waitFor();
		await s.show(page, "palette");
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: "kiosk-3" }).waitFor();

		// What had the focus has it again.
		const revoke = page.getByRole("button", { name: "Revoke" });
		await revoke.click();
		await page.getByRole("dialog").getByLabel("Reason").waitFor();
		await page.keyboard.press("Escape");
		await until("the button has the focus", () => revoke.evaluate((e) => e === document.activeElement));
		await page.keyboard.press("Control+k");
		await box.waitFor();
		await page.keyboard.press("Escape");
		await until("the button has it again", () => revoke.evaluate((e) => e === document.activeElement));

		await page.keyboard.press("Control+k");
		await box.fill("Deutsch");
		await page.keyboard.press("Enter");
		await page.getByRole("link", { name: "Geräte" }).first().waitFor();
		assert((await page.evaluate(() => document.documentElement.lang)) === "de", "the page's language");
	},
};
