import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bare, known, reasonOf } from "../src/desk/reasons";
import { de } from "../src/text/de";
import { en } from "../src/text/en";

/** What the device's part and the node's say, as it stands in their sources. */
const said = ["session/screen/person.go", "session/screen/x11/desk.go", "node/api/sessions.go", "session/errors.go", "node/api/lapse.go"].flatMap((file) =>
	[...readFileSync(`../../${file}`, "utf8").matchAll(/"((?:[^"\\\n]|\\.)*)"/g)].map((m) => m[1] as string),
);

describe("why there is no desktop", () => {
	it.each(Object.keys(known))("%s is what a device says", (reason) => {
		expect(said.map(reasonOf)).toContain(reason);
	});
	it("is read behind what the node puts before it", () => {
		expect(reasonOf("the session was ended: the person at the device said no")).toBe("saidNo");
		expect(bare("the session was ended: the disk is full")).toBe("the disk is full");
		expect(reasonOf("the disk is full")).toBeUndefined();
	});
	it("is said in both languages, with what to do next", () => {
		for (const text of [en, de]) {
			for (const [what, next] of Object.values(text.desk.reasons)) {
				expect(what).toMatch(/\.$/);
				expect(next).toMatch(/\.$/);
			}
		}
		expect(Object.keys(en.desk.reasons)).toEqual(Object.keys(known));
	});
});
