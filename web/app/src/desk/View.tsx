import { type ReactElement, useEffect, useRef, useState } from "react";
import { go, href } from "../lib/router";
import { createStore, useStore } from "../lib/store";
import { useText } from "../text";
import { Bar } from "./Bar";
import { Desk, type Shown, type Verb } from "./desk";
import { Offer } from "./Offer";
import { Over } from "./Over";

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
			<div className={`desk-view ${shown?.ready === undefined ? "blank" : open ? "" : "stale"}`} ref={box}>
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
