import { type ReactElement, useEffect } from "react";
import { type Problem, problemOf } from "../api/fault";
import { createStore, useStore } from "../lib/store";
import { useText } from "../text";
import { saidOf } from "../text/said";
import { Icon } from "./Icon";
import { Button } from "./parts";

interface Told {
	id: number;
	text: string;
	problem?: Problem;
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
	tell({ text });
}

export function complain(e: unknown): void {
	const problem = problemOf(e);
	tell({ text: problem.message, problem });
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
	const p = t.problem;
	const bad = p !== undefined;
	useEffect(() => {
		const timer = setTimeout(() => forget(t.id), bad ? 15_000 : 5000);
		return () => clearTimeout(timer);
	}, [t.id, bad]);
	const [what = t.text, next] = saidOf(p?.said, text) ?? [];
	return (
		<div className={`toast ${bad ? "bad" : ""}`}>
			<Icon name={bad ? "warn" : "check"} />
			<div>
				<bdi>{bad ? `${what} (${p.id})` : what}</bdi>
				{next !== undefined && <div className="small">{next}</div>}
				{next === undefined && bad && p.hint !== "" && (
					<div className="small">
						{text.common.try} <code>{p.hint}</code>
					</div>
				)}
			</div>
			<Button look="plain" slim icon="close" aria-label={text.common.close} onClick={() => forget(t.id)} />
		</div>
	);
}
