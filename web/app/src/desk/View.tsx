import { type ReactElement, type ReactNode, useEffect, useRef, useState } from "react";
import { useNow } from "../lib/clock";
import { go, href } from "../lib/router";
import { createStore, useStore } from "../lib/store";
import { useText } from "../text";
import { Button, Name, Wrong } from "../ui/parts";
import { Bar } from "./Bar";
import { Desk, type Shown, type Verb } from "./desk";
import { whose } from "./menus";
import { Offer } from "./Offer";

const none = createStore<Shown | undefined>(undefined);

/** A desktop: the bar, and the picture. Leaving the page ends the session. */
export function DesktopView(props: { device: string; name: string; verb: Verb; display: string }): ReactElement {
	const t = useText();
	const box = useRef<HTMLDivElement>(null);
	const [desk, setDesk] = useState<Desk>();
	const shown = useStore<Shown | undefined>(desk?.shown ?? none);

	useEffect(() => {
		const parent = box.current;
		if (parent === null) {
			return;
		}
		const d = new Desk(props.device, props.display, props.verb, t.desk.keys(props.name), parent);
		setDesk(d);
		const watch = new ResizeObserver(() => d.measure());
		watch.observe(parent);
		return () => {
			watch.disconnect();
			setDesk(undefined);
			d.dispose();
		};
		// Only another device, or display, or another right, is another desktop.
	}, [props.device, props.display, props.verb]);

	const open = shown?.phase === "open";
	useEffect(() => {
		if (open) {
			desk?.hands.focus();
		}
	}, [desk, open]);

	const choose = (display: string): void => go(`${href("devices", props.device, "desktop")}?${askFor(display, shown?.verb ?? props.verb)}`);

	return (
		<div className="desk-page">
			<h1 className="only-read">{t.desk.of(props.name)}</h1>
			{desk !== undefined && shown !== undefined && (
				<Bar
					desk={desk}
					shown={shown}
					name={props.name}
					back={href("devices", props.device)}
					choose={choose}
				/>
			)}
			<div className={shown?.ready === undefined ? "desk-view blank" : "desk-view"} ref={box}>
				{desk !== undefined && shown !== undefined && (
					<>
						<Over desk={desk} shown={shown} choose={choose} />
						<Offer desk={desk} copied={shown.copied} />
					</>
				)}
			</div>
		</div>
	);
}

/** An address's question for a display. */
function askFor(display: string, verb: Verb): string {
	return new URLSearchParams(verb === "view" ? { display, view: "" } : { display }).toString();
}

/** What lies over the picture while there is none, or something is to be said. */
function Over(props: { desk: Desk; shown: Shown; choose: (display: string) => void }): ReactElement | null {
	const { desk, shown } = props;
	const t = useText();
	const now = useNow(1000);
	const left = (until: number): number => Math.max(0, Math.ceil((until - now) / 1000));
	const again = (
		<Button slim icon="refresh" onClick={() => desk.connect()}>
			{t.desk.open}
		</Button>
	);
	const others = shown.displays.filter((d) => d.name !== shown.display);
	const instead = others.length > 0 && (
		<div className="desk-others" role="group" aria-label={t.desk.others}>
			<span>{t.desk.others}</span>
			{others.map((d) => (
				<Button key={d.name} slim icon="devices" onClick={() => props.choose(d.name)}>
					<Name>{whose(d)}</Name>
				</Button>
			))}
		</div>
	);
	switch (shown.phase) {
		case "connecting":
			return shown.gone ? (
				<Say>
					<div>{t.desk.gone(shown.display)}</div>
					{instead}
				</Say>
			) : (
				<Say>{t.desk.connecting}</Say>
			);
		case "asking":
			return <Say>{t.desk.asking(left(shown.askedUntil))}</Say>;
		case "lost":
			return (
				<Say>
					<div>
						{shown.gone ? t.desk.gone(shown.display) : shown.problem !== undefined && <bdi>{shown.problem.message}</bdi>}
						<div>{shown.gone ? t.desk.askedAgain(left(shown.retryAt)) : t.terminal.reconnecting(left(shown.retryAt))}</div>
					</div>
					{again}
					{instead}
				</Say>
			);
		case "ended":
			return (
				<Say>
					{shown.gone ? (
						<div>{t.desk.gone(shown.display)}</div>
					) : shown.problem !== undefined ? (
						<Wrong problem={shown.problem} />
					) : (
						<div>{t.desk.ended}</div>
					)}
					{shown.problem?.kind === "denied" && shown.verb === "control" && (
						<Button slim icon="eye" onClick={() => desk.as("view")}>
							{t.desk.openView}
						</Button>
					)}
					{again}
					{instead}
				</Say>
			);
		case "open":
			if (!shown.picture) {
				return <Say>{t.desk.waiting}</Say>;
			}
			return shown.note === "" ? null : (
				<Say>
					<Name>{shown.note}</Name>
					<Button slim look="plain" icon="close" aria-label={t.common.close} onClick={() => desk.hush()} />
				</Say>
			);
	}
}

function Say({ children }: { children: ReactNode }): ReactElement {
	return (
		<div className="desk-over" role="status">
			{typeof children === "string" ? <div>{children}</div> : children}
		</div>
	);
}
