import { createElement, type ReactElement, Suspense } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";
import { later } from "../src/lib/later";

it("a page that was fetched ahead is there at once", async () => {
	const Page = later(async () => ({ default: ({ args }: { args: string[] }): ReactElement => createElement("p", null, args[0]) }));
	const shown = (): string => renderToString(createElement(Suspense, { fallback: "wait" }, createElement(Page, { args: ["here"] })));
	expect(shown()).toContain("wait");
	await Page.ahead();
	expect(shown()).not.toContain("wait");
	expect(shown()).toContain("here");
});
