// Runs the stories against the binary that make build made, and ends all that
// it started, whatever happens. What it needs: bin/warren, chromium, and
// firefox-esr for the stories that are told in it.
//
//	npm run e2e [-- STORY...]
//
// WARREN_SCREENS=FOLDER keeps pictures there (docs/screens); WARREN_BIN names
// another binary, WARREN_E2E_STATE a desk of a demo that runs already.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { begin } from "./stories/begin.mjs";
import { clips } from "./stories/clips.mjs";
import { desktop } from "./stories/desktop.mjs";
import { edges } from "./stories/edges.mjs";
import { firefox } from "./stories/firefox.mjs";
import { german } from "./stories/german.mjs";
import { govern } from "./stories/govern.mjs";
import { hands } from "./stories/hands.mjs";
import { harm } from "./stories/harm.mjs";
import { look } from "./stories/look.mjs";
import { mesh as mates, via } from "./stories/mesh.mjs";
import { sights } from "./stories/sights.mjs";
import { work } from "./stories/work.mjs";
import { oneBrowser, Story } from "./story.mjs";

// A mesh in namespaces, where machines cannot meet directly: scripts/lab.
const elsewhere = { via };
const stories = { ...look, ...work, ...desktop, ...clips, ...hands, ...harm, ...sights, ...govern, ...mates, ...edges, ...begin, ...german, ...firefox };

const bin = resolve(process.env.WARREN_BIN ?? "../../bin/warren");
const only = process.argv.slice(2);
const known = { ...stories, ...elsewhere };
const unknown = only.filter((name) => !Object.hasOwn(known, name));
if (unknown.length > 0) {
	console.error(`e2e: there is no story ${unknown.join(", ")}; these there are: ${Object.keys(known).sort().join(", ")}`);
	process.exit(2);
}
const limit = 12 * 60_000;
const children = [];

function end() {
	for (const c of children.splice(0)) {
		if (c.exitCode === null) {
			c.kill("SIGTERM");
		}
	}
}

/** What the first minute begins without. */
const alone = ["first"];

async function demo() {
	if (only.length > 0 && only.every((name) => alone.includes(name))) {
		return undefined;
	}
	if (process.env.WARREN_E2E_STATE) {
		return { state: process.env.WARREN_E2E_STATE, dir: dirname(process.env.WARREN_E2E_STATE), stop: async () => {} };
	}
	const dir = join(mkdtempSync(join(tmpdir(), "warren-e2e-")), "mesh");
	const child = spawn(bin, ["demo", "--devices", "4", "--dir", dir], { stdio: ["ignore", "pipe", "pipe"] });
	children.push(child);
	let said = "";
	for (const s of [child.stdout, child.stderr]) {
		s.on("data", (d) => {
			said += d;
		});
	}
	const gone = new Promise((done) => child.on("exit", done));
	const until = Date.now() + 180_000;
	while (Date.now() < until && child.exitCode === null) {
		const env = spawnSync(bin, ["demo", "env", "--dir", dir, "--json"], { encoding: "utf8" });
		if (env.status === 0) {
			const state = JSON.parse(env.stdout).WARREN_STATE;
			const status = spawnSync(bin, ["--state", state, "status", "--json"], { encoding: "utf8" });
			if (status.status === 0) {
				const s = JSON.parse(status.stdout);
				if (s.ready && s.peers_online === s.peers_total && s.peers_total >= 7) {
					return {
						state,
						dir,
						stop: async () => {
							child.kill("SIGTERM");
							await gone;
							rmSync(resolve(dir, ".."), { recursive: true, force: true });
						},
					};
				}
			}
		}
		await new Promise((done) => setTimeout(done, 500));
	}
	throw new Error(`the demo mesh did not come up:\n${said}`);
}

const watchdog = setTimeout(() => {
	console.error(`e2e: not done after ${limit / 60_000} minutes`);
	end();
	process.exit(1);
}, limit);
watchdog.unref();
for (const s of ["SIGINT", "SIGTERM"]) {
	process.on(s, () => {
		end();
		process.exit(130);
	});
}

let mesh;
const browser = oneBrowser();
const failed = [];
try {
	mesh = await demo();
	const told = only.length === 0 ? stories : Object.fromEntries(only.map((name) => [name, known[name]]));
	for (const [name, tell] of Object.entries(told)) {
		const story = new Story({ name, bin, mesh, browser });
		const began = Date.now();
		try {
			await tell(story);
			story.complain();
			console.log(`ok    ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)${story.figures()}`);
		} catch (e) {
			failed.push(name);
			console.log(`FAIL  ${name}: ${e instanceof Error ? (e.stack ?? e.message) : e}`);
			await story.lastLook();
		} finally {
			await story.close();
		}
	}
} catch (e) {
	failed.push("setup");
	console.error(e);
} finally {
	await browser.close();
	await mesh?.stop();
	end();
}
console.log(failed.length === 0 ? "e2e: all stories hold" : `e2e: failed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
