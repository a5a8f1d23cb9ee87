import { lazy, type ReactElement, Suspense, useEffect } from "react";
import { access } from "./api/bearer";
import { useWhoami } from "./api/queries";
import { line } from "./api/watch";
import { pageOf, useRoute } from "./lib/router";
import { useStore } from "./lib/store";
import { useText } from "./text";
import { Alone } from "./ui/Alone";
import { Frame } from "./ui/Frame";
import { Gate, GateDialog } from "./ui/Gate";
import { Fault, Loading } from "./ui/parts";
import { Toasts } from "./ui/toast";
import { Devices } from "./pages/Devices";
import { Desktop } from "./pages/later";
import { Overview } from "./pages/Overview";

// What needs much code comes when it is looked at.
const pages: Record<string, React.ComponentType<{ args: string[] }>> = {
	overview: Overview,
	devices: Devices,
	terminal: lazy(() => import("./pages/Terminal")),
	invites: lazy(() => import("./pages/Invites")),
	sessions: lazy(() => import("./pages/Sessions")),
	audit: lazy(() => import("./pages/Audit")),
	network: lazy(() => import("./pages/Network")),
	mesh: lazy(() => import("./pages/Mesh")),
	access: lazy(() => import("./pages/Access")),
	owner: lazy(() => import("./pages/Owner")),
};
const Device = lazy(() => import("./pages/Device"));
const First = lazy(() => import("./pages/First"));

export function App(): ReactElement {
	const way = useStore(access);
	return (
		<>
			{way.kind === "in" || way.kind === "expired" ? <Inside /> : <Gate way={way} />}
			{way.kind === "expired" && <GateDialog />}
			<Toasts />
		</>
	);
}

function Inside(): ReactElement {
	const who = useWhoami();
	const state = useStore(line);
	const t = useText();
	const route = useRoute();
	const page = pageOf(route, who.data?.ownership);
	useEffect(() => {
		const name = t.nav[page as keyof typeof t.nav] ?? t.nav.overview;
		document.title = `${name} · ${who.data?.mesh || "warren"}`;
	}, [t, page, who.data?.mesh]);

	if (who.data === undefined) {
		return (
			<Alone>{who.error && state === "lost" ? <Fault error={who.error} again={() => void who.refetch()} /> : <Loading />}</Alone>
		);
	}
	if (!who.data.founded || route.page === "first") {
		return (
			<Suspense fallback={<Loading />}>
				<First who={who.data} />
			</Suspense>
		);
	}
	const one = route.args[1] === "desktop" ? Desktop : Device;
	const Page = page === "devices" && route.args.length > 0 ? one : (pages[page] ?? Overview);
	return (
		<Frame who={who.data}>
			<Suspense fallback={<Loading rows={6} />}>
				<Page key={page === "devices" ? route.args[0] : page} args={route.args} />
			</Suspense>
		</Frame>
	);
}
