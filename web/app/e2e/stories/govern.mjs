// What is signed: who gets in, and who may do what.
import { writeFileSync } from "node:fs";
import { assert, until, visible } from "../story.mjs";

export const govern = {
	async invites(s) {
		const page = await s.enter();
		await s.go(page, "#/invites?make");
		await page.getByLabel("Tags").fill("till front");
		await page.getByRole("radio", { name: "Device" }).check();
		await s.show(page, "invite-make");
		await page.getByRole("dialog").getByRole("button", { name: "Make an invite" }).click();
		await page.getByRole("img", { name: "QR code of the link" }).waitFor();
		const link = await page.locator("[data-link]").innerText();
		assert(/#w1\./.test(link), `no link: ${link}`);
		await s.show(page, "invite-made");
		await page.getByRole("button", { name: "Done" }).click();
		await page.getByRole("cell", { name: "0 / 1" }).first().waitFor();
		await s.show(page, "invites");

		// A machine asks to join; its words come without a reload.
		const folder = s.folder();
		s.warrenIn(folder, "join", link, "--yes", "--no-wait", "--name", "till-7");
		await visible(page, "till-7");
		const words = await page.locator(".claim .phrase li").allInnerTexts();
		assert(words.length === 6, `${words.length} words`);
		await s.show(page, "pending");
		await page.getByRole("button", { name: "Approve" }).click();
		await page.getByRole("button", { name: "The words match: approve" }).click();
		await visible(page, "till-7 is in");
		await visible(page, "Nobody waits");

		await s.go(page, "#/invites?make");
		await page.getByRole("dialog").getByRole("button", { name: "Make an invite" }).click();
		await page.getByRole("button", { name: "Done" }).click();
		await page.getByRole("row").filter({ hasText: "open" }).getByRole("button", { name: "Revoke" }).first().click();
		await visible(page, "1 use that is left");
		await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
		await visible(page, "The invite is revoked");

		// Turned down, and shut out: each says how many it concerns.
		const second = JSON.parse(s.warren("invite", "--json")).link;
		s.warrenIn(s.folder(), "join", second, "--yes", "--no-wait", "--name", "stranger");
		await page.getByRole("button", { name: "Reject" }).click();
		await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
		await visible(page, "stranger was turned down");
		await s.go(page, "#/devices/till-7");
		await page.getByRole("button", { name: "Revoke" }).click();
		await page.getByLabel("Reason").fill("the story ends");
		await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
		await visible(page, "till-7 is revoked");
	},

	async access(s) {
		const page = await s.enter();
		await s.go(page, "#/access");
		const editor = page.getByRole("textbox", { name: "Text of the policy" });
		await editor.waitFor();
		await s.show(page, "access");
		const before = s.warren("policy", "show");
		const type = async (text) => {
			await editor.click();
			await page.keyboard.press("Control+a");
			// As people bring in a file; the browser's own insertion is not what anybody does.
			await page.evaluate((v) => navigator.clipboard.writeText(v), text);
			await page.keyboard.press("Control+v");
		};

		await type('{"grants": [\n{"src": ["role:admin"], "bogus": 1}\n]}');
		await page.getByRole("button", { name: "Check" }).click();
		await page.getByRole("alert").first().waitFor();
		// Whoever is asked for help finds the same id in the node's log.
		const [, id] = /Error ([a-z2-7]{8}) \(invalid/.exec(await page.getByRole("alert").first().innerText()) ?? [];
		assert(id !== undefined && s.log().includes(`id=${id} `), `error ${id} is not in the node's log`);
		await s.axe(page, "access, a mistake");
		const grant = '{"src": ["role:admin"], "dst": ["*"], "verbs": ["*"], "users": ["*", "root"]}';
		await type(`{"grants": [\n${grant},\n{"src": ["role:admin"], "dst": ["*"], "ip": ["tcp:443"]},\n]}`);
		await page.getByRole("button", { name: "Check" }).click();
		await visible(page, "The file is sound");
		await visible(page, "Newly allowed");
		await s.show(page, "access-changed");
		await page.getByRole("tab", { name: "Text" }).click();
		await page.locator(".cm-changedLine").first().waitFor();
		await s.axe(page, "access, text");
		await page.getByRole("tab", { name: "What would change" }).click();

		// Somebody else is quicker: it shows, and the draft stays, through a reload too.
		const theirs = `${s.folder()}.hujson`;
		writeFileSync(theirs, `${before}\n// theirs\n`);
		s.warren("policy", "apply", theirs, "--yes");
		await visible(page, "Somebody else changed the policy");
		await page.reload();
		await visible(page, "Somebody else changed the policy");
		await s.show(page, "access-conflict");
		await page.getByRole("button", { name: "Compare with theirs" }).click();
		await page.getByRole("button", { name: "Sign and apply" }).click();
		await page.getByRole("dialog").getByText("1 right newly allowed").waitFor();
		await page.getByRole("dialog").getByRole("button", { name: "Sign and apply" }).click();
		await visible(page, "is in force");
		assert(s.warren("policy", "show").includes("tcp:443"), "the policy is not in force");

		await page.getByRole("tab", { name: "Explain" }).click();
		await page.getByLabel("On what").fill("kiosk-1");
		await page.getByRole("tabpanel").getByRole("button", { name: "Explain" }).click();
		await page.getByRole("tabpanel").getByText("Allowed", { exact: true }).waitFor();
		await page.getByRole("tab", { name: "History" }).click();
		await until("three revisions", async () => (await page.getByRole("tabpanel").getByRole("row").count()) >= 4);
		writeFileSync(theirs, before);
		s.warren("policy", "apply", theirs, "--yes");
	},
};
