import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { begin } from "./api/bearer";
import { cache } from "./api/queries";
import { follow } from "./api/watch";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/parts.css";
import "./styles/tables.css";
import "./styles/pages.css";

const root = document.getElementById("root");
if (root === null) {
	throw new Error("no #root in the page");
}
void begin();
void follow(cache, new AbortController().signal);
createRoot(root).render(
	<StrictMode>
		<QueryClientProvider client={cache}>
			<App />
		</QueryClientProvider>
	</StrictMode>,
);
