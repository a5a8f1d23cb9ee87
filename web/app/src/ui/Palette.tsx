import { Dialog } from "radix-ui";
import { type KeyboardEvent, type ReactElement, useEffect, useMemo, useRef, useState } from "react";
import { useDevices } from "../api/queries";
import type { WhoamiResponse } from "../gen/console_pb";
import { go, href } from "../lib/router";
import { setLanguage, setTheme, useShownTheme } from "../lib/settings";
import { createStore, useStore } from "../lib/store";
import { openTerminal } from "../term/tabs";
import { type Text, useText } from "../text";
import { useFocusBack } from "./Dialog";
import { Icon, type IconName } from "./Icon";
import { Dot, Name } from "./parts";

/** Whether the palette is open. */
export const palette = createStore(false);

interface Choice {
	id: string;
	label: string;
	hint: string;
	icon: IconName;
	online?: boolean;
	run: () => void;
}

export function Palette({ who }: { who: WhoamiResponse }): ReactElement {
	const open = useStore(palette);
	useEffect(() => {
		const heard = (e: globalThis.KeyboardEvent): void => {
			const inTerminal = e.target instanceof Element && e.target.closest(".term-host, .desk-host") !== null;
			if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k" && (!inTerminal || e.shiftKey || e.metaKey)) {
				e.preventDefault();
				palette.set(!palette.get());
			} else if (e.key === "/" && !typing(e.target)) {
				const filter = document.querySelector<HTMLInputElement>("[data-filter]");
				if (filter !== null) {
					e.preventDefault();
					filter.focus();
				}
			}
		};
		addEventListener("keydown", heard);
		return () => removeEventListener("keydown", heard);
	}, []);
	const t = useText();
	const focusBack = useFocusBack(open);
	return (
		<Dialog.Root open={open} onOpenChange={(o) => palette.set(o)}>
			<Dialog.Portal>
				<div className="veil" />
				<Dialog.Content className="palette" aria-describedby={undefined} onCloseAutoFocus={focusBack}>
					<Dialog.Title className="only-read">{t.palette.title}</Dialog.Title>
					<Choices who={who} />
				</Dialog.Content>
			</Dialog.Portal>
		</Dialog.Root>
	);
}

function typing(target: EventTarget | null): boolean {
	return target instanceof Element && target.closest("input, textarea, select, [contenteditable], .editor-host") !== null;
}

function pagesOf(t: Text, who: WhoamiResponse): Choice[] {
	const names = ["overview", "devices", "terminal", "sessions", "invites", "access", "network", "audit", "mesh"] as const;
	const all = who.ownership === "owner" ? (["owner", ...names] as const) : names;
	return all.map((p) => ({ id: `page-${p}`, label: t.nav[p], hint: t.palette.page, icon: p, run: () => go(href(p)) }));
}

function Choices({ who }: { who: WhoamiResponse }): ReactElement {
	const t = useText();
	const [text, setText] = useState("");
	const [at, setAt] = useState(0);
	const list = useRef<HTMLUListElement>(null);
	const devices = useDevices().data;
	const shown = useShownTheme();

	const fixed = useMemo(
		(): Choice[] => [
			...pagesOf(t, who),
			{ id: "invite", label: t.palette.makeInvite, hint: t.palette.action, icon: "plus", run: () => go("#/invites?make") },
			{ id: "verify", label: t.palette.verify, hint: t.palette.action, icon: "check", run: () => go("#/audit?verify") },
			{
				id: "theme",
				label: shown === "dark" ? t.palette.toLight : t.palette.toDark,
				hint: t.palette.action,
				icon: shown === "dark" ? "sun" : "moon",
				run: () => setTheme(shown === "dark" ? "light" : "dark"),
			},
			{ id: "de", label: t.palette.german, hint: t.palette.action, icon: "owner", run: () => setLanguage("de") },
			{ id: "en", label: t.palette.english, hint: t.palette.action, icon: "owner", run: () => setLanguage("en") },
		],
		[t, who, shown],
	);
	const found = useMemo((): Choice[] => {
		const want = text.trim().toLowerCase();
		const has = (label: string): boolean => label.toLowerCase().includes(want);
		const out = fixed.filter((c) => has(c.label));
		if (want === "") {
			return out;
		}
		for (const d of devices ?? []) {
			if (out.length > 60) {
				break;
			}
			if (d.revoked || !(has(d.name) || d.addresses.some(has) || d.tags.some(has))) {
				continue;
			}
			out.push({
				id: d.id,
				label: d.name,
				hint: t.palette.device,
				icon: "devices",
				online: d.online,
				run: () => go(href("devices", d.id)),
			});
			if (d.online && d.id !== who.node) {
				out.push({
					id: `${d.id}-t`,
					label: t.palette.openTerminal(d.name),
					hint: t.palette.action,
					icon: "terminal",
					run: () => openTerminal(d.id, d.name),
				});
			}
		}
		return out;
	}, [text, fixed, devices, t, who.node]);

	const chosen = found[Math.min(at, found.length - 1)];
	useEffect(() => {
		list.current?.querySelector("[aria-selected='true']")?.scrollIntoView({ block: "nearest" });
	}, [chosen]);

	const run = (c: Choice | undefined): void => {
		if (c !== undefined) {
			palette.set(false);
			// After the dialog has given the focus back.
			setTimeout(c.run);
		}
	};
	const key = (e: KeyboardEvent): void => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
		if (step !== undefined) {
			e.preventDefault();
			setAt((a) => (Math.min(a, found.length - 1) + step + found.length) % Math.max(1, found.length));
		} else if (e.key === "Enter") {
			e.preventDefault();
			run(chosen);
		}
	};
	return (
		<>
			<input
				type="text"
				role="combobox"
				aria-expanded="true"
				aria-controls="palette-list"
				aria-activedescendant={chosen && `palette-${chosen.id}`}
				aria-label={t.palette.placeholder}
				placeholder={t.palette.placeholder}
				value={text}
				onChange={(e) => (setText(e.target.value), setAt(0))}
				onKeyDown={key}
				autoFocus
			/>
			{found.length === 0 ? (
				<div className="none">{t.palette.none}</div>
			) : (
				<ul role="listbox" id="palette-list" ref={list} aria-label={t.palette.title}>
					{found.map((c) => (
						<li
							key={c.id}
							id={`palette-${c.id}`}
							role="option"
							aria-selected={c === chosen}
							onClick={() => run(c)}
							onMouseMove={() => setAt(found.indexOf(c))}
						>
							<Icon name={c.icon} />
							{c.online !== undefined && <Dot tone={c.online ? "ok" : "off"} />}
							<Name>{c.label}</Name>
							<span className="hint">{c.hint}</span>
						</li>
					))}
				</ul>
			)}
		</>
	);
}
