// Who keeps the mesh, and who works in it: taken in and let go from the page.
import { assert, until, visible } from "../story.mjs";

export const mesh = {
	async council(s) {
		const link = JSON.parse(s.warren("invite", "--role", "controller", "--json")).link;
		const state = s.folder();
		s.warrenIn(state, "join", link, "--yes", "--no-wait", "--name", "hq-4");
		s.warren("approve", "hq-4", "--yes");
		s.start(state, "up", "--loopback", "--listen", `:${await s.freePort()}`);

		const page = await s.enter();
		await s.go(page, "#/mesh");
		const row = page.getByRole("row").filter({ hasText: "hq-4" });
		await row.getByText("no vote yet").waitFor({ timeout: 60_000 });
		await row.getByRole("img", { name: "reachable", exact: true }).waitFor({ timeout: 60_000 });
		await row.getByRole("button", { name: "Give it a vote" }).click();
		await page.getByText("hq-4 votes now").waitFor({ timeout: 60_000 });
		await row.getByText("votes", { exact: true }).waitFor();
		await visible(page, "An even number of controllers");
		await s.axe(page, "mesh, four controllers");
		const voters = () => JSON.parse(s.warren("controllers", "--json")).filter((c) => c.voter).length;
		assert(voters() === 4, `${voters()} controllers vote`);

		await row.getByRole("button", { name: "Remove" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByText("3 controllers vote afterwards").waitFor();
		assert(await dialog.getByRole("button", { name: "Remove" }).isDisabled(), "removed without a reason");
		await dialog.getByLabel("Reason").fill("the story ends");
		await s.axe(page, "mesh, removing a controller");
		await dialog.getByRole("button", { name: "Remove" }).click();
		await page.getByText("hq-4 no longer votes").waitFor({ timeout: 60_000 });
		await row.getByText("votes", { exact: true }).waitFor({ state: "detached" });
		await until("three vote", () => voters() === 3);
		s.warren("revoke", "hq-4", "--reason", "the story ends", "--yes");
	},

	async people(s) {
		const page = await s.enter();
		await s.go(page, "#/mesh");
		await page.getByRole("button", { name: "Invite a technician" }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Make an invite" }).click();
		const link = await page.locator("[data-link]").innerText();
		await page.getByRole("button", { name: "Done" }).click();
		s.warrenIn(s.folder(), "join", link, "--yes", "--no-wait", "--name", "bob");
		await page.getByRole("button", { name: "Approve" }).click();
		await page.getByRole("button", { name: "The words match: approve" }).click();
		await visible(page, "bob is in");

		await s.go(page, "#/mesh");
		const row = page.getByRole("row").filter({ hasText: "bob" });
		await row.getByRole("button", { name: "Revoke" }).click();
		await visible(page, "1 person loses every right at once");
		await page.getByLabel("Reason").fill("the story ends");
		await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
		await visible(page, "bob is revoked");
		await row.getByText("revoked").waitFor();
		assert((await row.getByRole("button", { name: "Revoke" }).count()) === 0, "bob may be revoked twice");
		// The last admin cannot be let go by a slip.
		const owner = page.getByRole("row").filter({ hasText: "the only admin" });
		assert((await owner.getByRole("button").count()) === 0, "the only admin can be revoked");
		const bob = JSON.parse(s.warren("technicians", "--json")).find((x) => x.name === "bob");
		assert(bob.revoked, "bob is none the mesh has revoked");
	},
};

/** Told by make lab: this machine reaches d1 through c1 only. */
export async function via(s) {
	const page = await s.enter();
	await s.go(page, "#/network");
	const row = page.locator(".grid-row").filter({ hasText: "d1" });
	await row.getByText("c1", { exact: true }).waitFor();
	await page.locator(".grid-row").filter({ hasText: "carries 1" }).waitFor();
	await s.show(page, "network-via", (p) => p.locator(".grid-row").first().waitFor());
	await page.getByRole("tab", { name: "Graph" }).click();
	await page.locator(".graph circle.carrier").waitFor();
	// The line to d1 begins at c1, not at this machine.
	const at = (name) =>
		page.getByRole("link", { name: new RegExp(`^${name}: online`) }).locator("circle").evaluate((c) => [c.getAttribute("cx"), c.getAttribute("cy")].join());
	const [carrier, device] = [await at("c1"), await at("d1")];
	const lines = await page.locator(".graph line.member").evaluateAll((all) =>
		all.map((l) => ["x1", "y1", "x2", "y2"].map((a) => l.getAttribute(a))).map(([a, b, c, d]) => [`${a},${b}`, `${c},${d}`]),
	);
	assert(lines.some((ends) => ends.includes(carrier) && ends.includes(device)), `no line from c1 to d1: ${JSON.stringify(lines)}`);
	await s.show(page, "network-graph-via");
}
