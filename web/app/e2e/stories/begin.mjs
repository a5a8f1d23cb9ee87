// Where there is no mesh yet, or the machine is its owner's.
import { ask, display, joined } from "../screen.mjs";
import { assert, rows, until, visible } from "../story.mjs";

/** A machine of somebody's own, in the demo's mesh: its state folder. */
export async function ownMachine(s, name, displayName = "") {
	const { state } = await joined(s, name, displayName, ["--owner-device"], ["--console", `127.0.0.1:${await s.freePort()}`]);
	await until("the node is ready", () => JSON.parse(s.warrenIn(state, "status", "--json")).ready, 60_000);
	return state;
}

export const begin = {
	async first(s) {
		const state = s.folder();
		const port = await s.freePort();
		const up = s.start(state, "up", "--loopback", "--listen", `:${await s.freePort()}`, "--console", `127.0.0.1:${port}`);
		await until("the node's socket", () => s.warrenIn(state, "console", "--no-open") !== "");
		const page = await s.enter({}, state);
		await page.getByRole("heading", { name: "Found a mesh" }).waitFor();
		await s.show(page, "first-found");
		await page.getByLabel("Name of the mesh").fill("Not A Name!");
		await page.getByRole("button", { name: "Found the mesh" }).click();
		await page.getByRole("alert").waitFor();
		await page.getByLabel("Name of the mesh").fill("acme");
		await page.getByRole("button", { name: "Found the mesh" }).click();
		await page.getByRole("heading", { name: "Keep this key on paper" }).waitFor();
		await s.axe(page, "first, the key");
		await page.getByLabel("I have kept it").check();
		await page.getByRole("button", { name: "Go on" }).click();
		await page.getByRole("heading", { name: "Bring in the first machine" }).waitFor();
		await s.show(page, "first-invite");
		const command = await page.locator(".command code").first().innerText();
		const device = s.folder();
		s.warrenIn(device, "join", /'(.*)'/.exec(command)[1], "--yes", "--no-wait", "--name", "till-1");
		await page.getByRole("heading", { name: "till-1 asks to join" }).waitFor();
		await s.show(page, "first-approve");
		await page.getByRole("button", { name: "The words match" }).click();
		await page.getByRole("heading", { name: "till-1 is in" }).waitFor();
		s.start(device, "up", "--loopback", "--listen", `:${await s.freePort()}`);
		await page.getByRole("button", { name: "Open the first terminal" }).click({ timeout: 60_000 });
		await page.getByRole("tab", { name: /open ?till-1/ }).waitFor();
		await page.locator(".xterm-helper-textarea").focus();
		await page.keyboard.type("echo first-mi''nute\n");
		await until("the first terminal answers", async () => /first-minute/.test(await rows(page).innerText()));
		assert(up.exitCode === null, "the node has ended");
	},

	async owner(s) {
		const x = await display(s);
		const page = await s.enter({}, await ownMachine(s, "annas-laptop", x.name));
		await page.getByRole("heading", { name: "This device is yours" }).waitFor();
		await visible(page, "Nobody is on this device");
		await page.getByRole("cell", { name: /desk/ }).first().waitFor();
		await s.show(page, "owner");

		// Somebody wants to look; whoever sits there agrees, sees who it is, and ends it.
		const desk = await s.enter();
		await s.go(desk, "#/devices/annas-laptop/desktop");
		await visible(desk, "is asked whether you may look");
		const now = page.getByRole("region", { name: "Right now" });
		await until("the owner has agreed", async () => {
			ask(x, "xdotool", "key", "Tab", "Return");
			return (await now.getByRole("cell", { name: "control" }).count()) === 1;
		});
		await now.getByRole("cell", { name: "desk" }).waitFor();
		await s.show(page, "owner-busy");
		await page.getByRole("button", { name: "End all sessions" }).click();
		await visible(page, "1 live session ends at once");
		await page.getByRole("dialog").getByRole("button", { name: "End all sessions" }).click();
		await visible(page, "Nobody is on this device");
		await desk.getByText("ended").first().waitFor();
		await page.getByRole("button", { name: "Leave the mesh" }).click();
		await visible(page, "The keys of 1 machine are deleted");
		await page.getByRole("dialog").getByRole("button", { name: "Leave the mesh" }).click();
		await visible(page, "This device has left the mesh");
		await until("the mesh has heard", () => !JSON.parse(s.warren("devices", "--json")).some((d) => d.name === "annas-laptop" && !d.revoked));
	},
};
