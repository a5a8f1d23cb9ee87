import { type ReactElement, useEffect } from "react";
import { problemOf } from "../api/fault";
import { createStore, useStore } from "../lib/store";
import { useText } from "../text";
import { Icon } from "./Icon";
import { Button } from "./parts";

interface Told {
	id: number;
	bad: boolean;
	text: string;
	hint: string;
}

const told = createStore<Told[]>([]);
let count = 0;

function tell(t: Omit<Told, "id">): void {
	told.set([...told.get().slice(-3), { ...t, id: ++count }]);
}

function forget(id: number): void {
	told.set(told.get().filter((t) => t.id !== id));
}

export function say(text: string): void {
	tell({ bad: false, text, hint: "" });
}

export function complain(e: unknown): void {
	const p = problemOf(e);
	tell({ bad: true, text: `${p.message} (${p.id})`, hint: p.hint });
}

export function Toasts(): ReactElement {
	return (
		<div className="toasts" role="status" aria-live="polite">
			{useStore(told).map((t) => (
				<Toast key={t.id} told={t} />
			))}
		</div>
	);
}

function Toast({ told: t }: { told: Told }): ReactElement {
	const text = useText();
	useEffect(() => {
		const timer = setTimeout(() => forget(t.id), t.bad ? 15_000 : 5000);
		return () => clearTimeout(timer);
	}, [t.id, t.bad]);
	return (
		<div className={`toast ${t.bad ? "bad" : ""}`}>
			<Icon name={t.bad ? "warn" : "check"} />
			<div>
				<bdi>{t.text}</bdi>
				{t.hint !== "" && (
					<div className="small">
						{text.common.try} <code>{t.hint}</code>
					</div>
				)}
			</div>
			<Button look="plain" slim icon="close" aria-label={text.common.close} onClick={() => forget(t.id)} />
		</div>
	);
}
