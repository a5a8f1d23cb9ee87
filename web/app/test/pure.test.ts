import { create } from "@bufbuild/protobuf";
import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { take } from "../src/api/take";
import { WatchResponseSchema } from "../src/gen/console_pb";
import { type Device, DeviceSchema, PathSchema, type Peer, PeerSchema } from "../src/gen/local_pb";
import { changedLines, lineOf } from "../src/lib/policytext";
import { Haystack } from "../src/lib/filter";
import { layout } from "../src/lib/graph";
import { deviceOf } from "../src/lib/named";
import { href, parseRoute } from "../src/lib/router";
import { ago, bytes, lasted, millis } from "../src/lib/time";
import { pageIn, pastedToken, tokenIn } from "../src/lib/token";
import { de } from "../src/text/de";
import { en } from "../src/text/en";

describe("the token", () => {
	it("is taken from the fragment alone", () => {
		expect(tokenIn("#t=abcDEF123_-")).toBe("abcDEF123_-");
		expect(tokenIn("http://localhost:7780/#t=abcdefgh")).toBe("abcdefgh");
		expect(tokenIn("#/devices?t=abcdefgh")).toBe("");
		expect(tokenIn("#t=abcdefgh&to=/devices/0a/desktop?view")).toBe("abcdefgh");
		expect(pageIn("#t=abcdefgh&to=/devices/0a/desktop?view")).toBe("/devices/0a/desktop?view");
		expect(pageIn("#t=abcdefgh&to=/devices/0a/desktop?display=:1")).toBe("/devices/0a/desktop?display=:1");
		expect(pageIn("#t=abcdefgh&to=/devices/0a/desktop?view&display=%3A1.0")).toBe("/devices/0a/desktop?view&display=%3A1.0");
		expect(pageIn("#t=abcdefgh")).toBe("/");
		expect(tokenIn("#t=abcdefgh&to=https://evil.example")).toBe("");
		expect(tokenIn("#t=abcdefgh&to=/a'b")).toBe("");
		expect(tokenIn("#t=<script>")).toBe("");
		expect(pastedToken(" abcdefgh ")).toBe("abcdefgh");
		expect(pastedToken("two words")).toBe("");
	});
});

describe("routes", () => {
	it("carry names with slashes, and survive broken escapes", () => {
		expect(parseRoute(href("devices", "a/b ü")).args).toEqual(["a/b ü"]);
		expect(parseRoute("#/devices/%E0%A4%A").args).toEqual(["%E0%A4%A"]);
		expect(parseRoute("").page).toBe("overview");
		expect(parseRoute("#/invites?make=controller").query.get("make")).toBe("controller");
	});
});

describe("the filter", () => {
	const rows = [{ words: "web-1 Berlin online" }, { words: "db-1 Berlin offline" }];
	const hay = new Haystack<{ words: string }>((r) => r.words);
	const filter = (text: string): typeof rows => rows.filter(hay.matcher(text));
	it("wants every word, and none behind a minus", () => {
		expect(filter("berlin WEB")).toEqual([rows[0]]);
		expect(filter("berlin -web")).toEqual([rows[1]]);
		expect(filter(" - ")).toEqual(rows);
		expect(filter("munich")).toEqual([]);
	});
});

describe("times", () => {
	it("read well", () => {
		expect(ago(1_000_000, 1_000_000 + 3 * 60_000, "en")).toBe("3 min ago");
		expect(ago(1_000_000, 1_000_000 + 3 * 60_000, "de")).toBe("vor 3 Min.");
		expect(ago(0, 5, "en")).toBe("–");
		expect(lasted(3_723_000)).toBe("1:02:03");
		expect(bytes(999, ".")).toBe("999 B");
		expect(bytes(1_500_000, ".")).toBe("1.5 MB");
		expect(millis(0.42, ".")).toBe("0.4 ms");
		expect(millis(1.84, ",")).toBe("1,8 ms");
		expect(bytes(1_500_000, ",")).toBe("1,5 MB");
	});
});

describe("what the node tells", () => {
	const device = (id: string, name: string): Device => create(DeviceSchema, { id, name });
	it("changes rows in place, adds, and drops", () => {
		const cache = new QueryClient();
		cache.setQueryData(["devices"], [device("1", "a"), device("2", "b"), device("3", "c")]);
		take(cache, create(WatchResponseSchema, { devices: [device("2", "B"), device("4", "d")], gone: ["1"] }));
		expect(cache.getQueryData<Device[]>(["devices"])?.map((d) => d.name)).toEqual(["B", "c", "d"]);
	});
	it("brings a peer's path to its device", () => {
		const cache = new QueryClient();
		cache.setQueryData(["devices"], [device("1", "a")]);
		const path = create(PathSchema, { kind: "lan" });
		take(cache, create(WatchResponseSchema, { peers: [create(PeerSchema, { id: "1", online: true, path })] }));
		const d = cache.getQueryData<Device[]>(["devices"])?.[0];
		expect([d?.online, d?.path?.kind]).toEqual([true, "lan"]);
	});
	it("is left alone where nothing was fetched yet", () => {
		const cache = new QueryClient();
		take(cache, create(WatchResponseSchema, { devices: [device("1", "a")] }));
		expect(cache.getQueryData(["devices"])).toBeUndefined();
	});
});

describe("the graph", () => {
	const peer = (name: string, kind: string, via = ""): Peer =>
		create(PeerSchema, { id: name, name, online: kind !== "none", path: create(PathSchema, { kind, via }) });
	it("draws who carries whom, and nothing where there is no path", () => {
		const g = layout([peer("a", "lan"), peer("hub", "direct-v4"), peer("b", "member-udp", "hub"), peer("c", "none")], "me");
		expect(g.lines.map((l) => [l.from, l.to])).toEqual([["", "hub"], ["hub", "b"], ["", "a"]]);
		expect(g.dots.find((d) => d.id === "hub")?.carries).toBe(1);
		expect(g.dots).toHaveLength(5);
	});
	it("leaves what would be too much to the table", () => {
		const many = Array.from({ length: 500 }, (_, i) => peer(`p${i}`, "lan"));
		expect(layout(many, "me").left).toBe(380);
	});
});

describe("a policy's text", () => {
	it("tells how many lines changed, and which line a mistake names", () => {
		expect(changedLines("a\nb\nc", "a\nx\nc\nd")).toBe(2);
		expect(lineOf("3:7: no such verb")).toBe(3);
		expect(lineOf("the mesh is away")).toBe(0);
	});
});

describe("German", () => {
	const shape = (o: object, at = ""): string[] =>
		Object.entries(o).flatMap(([k, v]) =>
			typeof v === "object" && v !== null ? shape(v, `${at}.${k}`) : [`${at}.${k}:${typeof v}`],
		);
	it("has every word that English has", () => {
		expect(shape(de)).toEqual(shape(en));
	});
});

describe("the device of an address", () => {
	const old = { id: "aa", name: "desk", revoked: true };
	const now = { id: "bb", name: "desk", revoked: false };
	const gone = { id: "cc", name: "till", revoked: true };
	it("is the member where a name was another's before", () => expect(deviceOf([old, now], "desk")).toBe(now));
	it("is a former one by its id, or where no member has its name", () => {
		expect(deviceOf([old, now], "aa")).toBe(old);
		expect(deviceOf([old, now, gone], "till")).toBe(gone);
	});
	it("is none of another name", () => expect(deviceOf([old, now], "desks")).toBeUndefined());
});
