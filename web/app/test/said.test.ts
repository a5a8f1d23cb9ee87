import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { problemOf, toldOf } from "../src/api/fault";
import type { Text } from "../src/text";
import { de } from "../src/text/de";
import { en } from "../src/text/en";
import { inWords, saidOf } from "../src/text/said";

/** The codes that devices and nodes know, and what stands in each sentence, as their sources have it. */
const codes = ["session/screen/words/words.go", "node/fault/said.go"].flatMap((file) =>
	[...readFileSync(`../../${file}`, "utf8").matchAll(/Code = "([a-z0-9-]+)"(?: +\/\/ (.+))?/g)].map((m) => ({
		code: m[1] as string,
		args: (m[2]?.split(", ") ?? []).map((_, i) => `<${i}>`),
	})),
);

const languages: Record<string, Text> = { en, de };

describe.each(Object.keys(languages))("what devices and nodes say, in %s", (language) => {
	const t = languages[language] as Text;
	it.each(codes)("$code", ({ code, args }) => {
		const told = saidOf({ code, args }, t);
		for (const part of told ?? [""]) {
			expect(part).toMatch(/[.…]$|^<0>$/);
			expect(part).not.toMatch(/undefined|NaN/);
		}
		// All that the device names is on the page, but what tells why it is offline.
		for (const a of code === "device-offline" ? args.slice(0, 1) : args) {
			expect(told?.join(" ")).toContain(a);
		}
	});
	it("is nothing that none of them says", () => {
		expect([...Object.keys(t.said), ...Object.keys(t.why)].sort()).toEqual(codes.map((c) => c.code).sort());
	});
});

describe("a sentence of a device", () => {
	it("is in the page's language", () => {
		expect(inWords({ code: "no-monitor", args: ["3"] }, "there is no monitor 3; all are shown", de)).toBe("Einen Monitor 3 gibt es nicht; zu sehen sind alle.");
		expect(saidOf({ code: "no-pong", args: ["1"] }, en)).toEqual(["No answer from its one known address."]);
		expect(saidOf({ code: "device-offline", args: ["kasse-1", "no-pong", "3"] }, de)?.[0]).toBe(
			"kasse-1 ist offline: keine Antwort von seinen 3 bekannten Adressen.",
		);
	});
	it("is in English where the page does not know it", () => {
		for (const said of [undefined, { code: "", args: [] }, { code: "of-a-later-version", args: ["x"] }, { code: "toString", args: [] }]) {
			expect(inWords(said, "as it came", de)).toBe("as it came");
		}
		// A part that is missing breaks nothing.
		expect(saidOf({ code: "device-offline", args: ["x", "constructor"] }, de)?.[0]).toBe("x ist offline: es gibt keinen Weg dorthin.");
		expect(saidOf({ code: "no-monitor", args: [] }, de)).toBeDefined();
	});
	it("is turned around by nothing in it", () => {
		expect(saidOf({ code: "no-special", args: ["a\u202eb\u0007c"] }, en)?.[0]).toBe("“a b c” is no combination of keys.");
	});
	it("comes with an error", () => {
		expect(toldOf({ kind: "denied", message: "m", said: { code: "no-user", args: ["kim"] } }).said).toEqual({ code: "no-user", args: ["kim"] });
		expect(toldOf({ kind: "denied", message: "m" }).said).toBeUndefined();
		expect(problemOf(new Error("m")).said).toBeUndefined();
	});
});
