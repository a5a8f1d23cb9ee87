import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The pages live inside the binary under a policy without inline script or
// style, so nothing may be inlined here.
export default defineConfig({
	plugins: [react()],
	base: "./",
	worker: { format: "es" },
	build: {
		outDir: "../dist",
		emptyOutDir: true,
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		target: "es2023",
		chunkSizeWarningLimit: 700,
	},
});
