import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { access, begin } from "./api/bearer";
import { cache } from "./api/queries";
import { follow } from "./api/watch";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/parts.css";
import "./styles/overlays.css";
import "./styles/tables.css";
import "./styles/pages.css";
import "./styles/overview.css";
import "./styles/terminal.css";
import "./styles/desktop.css";
import "./styles/invites.css";
import "./styles/network.css";
import "./styles/access.css";

const root = document.getElementById("root");
if (root === null) {
	throw new Error("no #root in the page");
}
// Who comes back in asks anew for what was refused meanwhile.
access.subscribe(() => {
	if (access.get().kind === "in") {
		void cache.invalidateQueries();
	}
});
void begin();
void follow(cache, new AbortController().signal);
createRoot(root).render(
	<StrictMode>
		<QueryClientProvider client={cache}>
			<App />
		</QueryClientProvider>
	</StrictMode>,
);
