import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const dist = join(import.meta.dirname, "../dist");

/**
 * Whoever had the port before may have left files in the browser's cache. The
 * document names the hash of each file that it loads: what it names itself by
 * attributes, what scripts import later by an import map, whose own hash is in
 * the policy that the node sends.
 */
function integrity(): Plugin {
	return {
		name: "integrity",
		apply: "build", // and not when tests have the server
		closeBundle() {
			const index = join(dist, "index.html");
			const hashes = new Map(
				readdirSync(join(dist, "assets")).map((name) => {
					const hash = createHash("sha384").update(readFileSync(join(dist, "assets", name))).digest("base64");
					return [`./assets/${name}`, `sha384-${hash}`];
				}),
			);
			const scripts = [...hashes].filter(([path]) => path.endsWith(".js")).sort();
			const map = JSON.stringify({ integrity: Object.fromEntries(scripts) });
			const text = readFileSync(index, "utf8").replace(/(?:src|href)="(\.\/assets\/[^"]+)"/g, (at, path: string) => {
				const hash = hashes.get(path);
				if (hash === undefined) {
					throw new Error(`${path} is not among the assets`);
				}
				return `${at} integrity="${hash}"`;
			});
			writeFileSync(index, text.replace("<script ", `<script type="importmap">${map}</script>\n\t\t<script `));
		},
	};
}

// The pages live inside the binary under a policy without inline script or
// style, so nothing may be inlined here. One style sheet, since import maps know
// the hashes of scripts only.
export default defineConfig({
	plugins: [react(), integrity()],
	base: "./",
	worker: { format: "es" },
	build: {
		outDir: dist,
		cssCodeSplit: false,
		emptyOutDir: true,
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		target: "es2023",
		chunkSizeWarningLimit: 700,
	},
});
