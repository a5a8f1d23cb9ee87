import { Dialog } from "radix-ui";
import { type ReactElement, type ReactNode, useEffect, useState } from "react";
import { useDevices, usePending, useSessions } from "../api/queries";
import { left, line } from "../api/watch";
import type { WhoamiResponse } from "../gen/console_pb";
import { href, pageOf, useRoute } from "../lib/router";
import { useStore } from "../lib/store";
import { terminals } from "../term/tabs";
import { useText } from "../text";
import { Ending } from "./Gate";
import { Icon, type IconName, Mark } from "./Icon";
import { Palette, palette } from "./Palette";
import { Button, Dot, Name } from "./parts";
import { Settings } from "./Settings";

type PageName = "overview" | "devices" | "terminal" | "invites" | "network" | "access" | "sessions" | "audit" | "mesh" | "owner";
const groups: PageName[][] = [
	["overview", "devices", "terminal", "sessions"],
	["invites", "access", "network"],
	["audit", "mesh"],
];

// Without a technician's key the rest would be refused.
const onlyLook: PageName[][] = [["overview", "devices", "sessions"], ["network"]];

const isMac = navigator.platform.startsWith("Mac");

export function Frame({ who, children }: { who: WhoamiResponse; children: ReactNode }): ReactElement {
	const t = useText();
	const route = useRoute();
	const state = useStore(line);
	const gone = useStore(left);
	const [drawer, setDrawer] = useState(false);
	useEffect(() => setDrawer(false), [route]);
	const page = pageOf(route, who.ownership) as PageName;
	const full = page === "terminal" || (page === "devices" && route.args[1] === "desktop");
	return (
		<div className="frame">
			<a className="skip" href={location.hash} onClick={(e) => (e.preventDefault(), document.getElementById("main")?.focus())}>
				{t.nav.skip}
			</a>
			<Side who={who} />
			<div className="main">
				<header className="top">
					<Dialog.Root open={drawer} onOpenChange={setDrawer}>
						<Dialog.Trigger asChild>
							<Button look="plain" icon="menu" className="burger" aria-label={t.nav.menu} />
						</Dialog.Trigger>
						<Dialog.Portal>
							<div className="veil" onClick={() => setDrawer(false)} />
							<Dialog.Content className="drawer" aria-describedby={undefined}>
								<Dialog.Title className="only-read">{t.nav.menu}</Dialog.Title>
								<Side who={who} />
							</Dialog.Content>
						</Dialog.Portal>
					</Dialog.Root>
					<div className="where">{t.nav[page] ?? t.nav.overview}</div>
					<button type="button" className="find" onClick={() => palette.set(true)}>
						<Icon name="search" />
						<span>{t.common.search}</span>
						<kbd>{isMac ? "⌘ K" : t.common.searchKey}</kbd>
					</button>
				</header>
				{state === "lost" && !gone && (
					<div className="banner" role="status">
						<Icon name="warn" />
						{t.line.lost}
					</div>
				)}
				<Ending />
				<main id="main" className={`content ${full ? "full" : ""}`} tabIndex={-1}>
					{children}
				</main>
			</div>
			<Palette who={who} />
		</div>
	);
}

function Side({ who }: { who: WhoamiResponse }): ReactElement {
	const t = useText();
	const state = useStore(line);
	const owner = who.ownership === "owner";
	const here = pageOf(useRoute(), who.ownership);
	return (
		<div className="side">
			<div className="brand">
				<Mark />
				<div>
					<strong>
						<Name>{who.mesh}</Name>
					</strong>
					<div className="sub with-dot">
						<Dot tone={state === "live" ? "ok" : "warn"} label={state === "live" ? t.line.live : t.line.connecting} />
						<Name>{who.name}</Name>
					</div>
				</div>
			</div>
			<nav className="nav" aria-label={t.nav.main}>
				{owner && <Item page="owner" here={here} />}
				{(who.technician === "" ? onlyLook : groups).map((pages, i) => (
					<div key={pages[0]} className="nav-group">
						{i > 0 && <div className="gap" />}
						{pages.filter((p) => !owner || p !== "overview").map((p) => <Item key={p} page={p} here={here} />)}
					</div>
				))}
			</nav>
			<div className="side-foot">
				<div className="who small">
					<Name>{who.technician || t.common.nobody}</Name>
					{who.technician !== "" && (
						<div className="dim">
							{who.admin ? t.common.admin : t.common.technician} · {who.version}
						</div>
					)}
					<div>
						<a href="/docs/" target="_blank" rel="noreferrer">
							{t.nav.manual}
						</a>
					</div>
				</div>
				<Settings />
			</div>
		</div>
	);
}

function Item({ page, here }: { page: PageName; here: string }): ReactElement {
	const t = useText();
	return (
		<a href={href(page)} aria-current={here === page ? "page" : undefined}>
			<Icon name={page as IconName} />
			{t.nav[page]}
			<Count page={page} />
		</a>
	);
}

function Count({ page }: { page: PageName }): ReactElement | null {
	switch (page) {
		case "devices":
			return <DevicesCount />;
		case "invites":
			return <PendingCount />;
		case "sessions":
			return <SessionsCount />;
		case "terminal":
			return <TerminalsCount />;
		default:
			return null;
	}
}

const plain = (n: number): ReactElement | null => (n > 0 ? <span className="count">{n}</span> : null);

function DevicesCount(): ReactElement | null {
	return plain(useDevices().data?.filter((d) => !d.revoked).length ?? 0);
}

function SessionsCount(): ReactElement | null {
	return plain(useSessions().data?.length ?? 0);
}

function TerminalsCount(): ReactElement | null {
	return plain(useStore(terminals).length);
}

function PendingCount(): ReactElement | null {
	const n = usePending().data?.length ?? 0;
	return n > 0 ? <span className="count call">{n}</span> : null;
}
