import type { ReactElement } from "react";
import type { CompareResponse, RightChange } from "../gen/meaning_pb";
import { type Text, useText, verbWord } from "../text";
import { Note } from "./parts";

/** What a policy would change in what is allowed, in words. */
export function Meaning({ compared: c }: { compared: CompareResponse }): ReactElement {
	const t = useText();
	if (c.allowed.length === 0 && c.denied.length === 0) {
		return <Note tone="ok">{c.sameText ? t.access.same : t.access.sameMeaning}</Note>;
	}
	return (
		<div className="stack meaning">
			{c.allowed.length > 0 && (
				<>
					<h3>{t.access.newly}</h3>
					<ul>
						{c.allowed.map((r) => (
							<Right key={words(r, t)} right={r} plus />
						))}
					</ul>
				</>
			)}
			{c.denied.length > 0 && (
				<>
					<h3>{t.access.noLonger}</h3>
					<ul>
						{c.denied.map((r) => (
							<Right key={words(r, t)} right={r} />
						))}
					</ul>
				</>
			)}
		</div>
	);
}

function Right({ right: r, plus }: { right: RightChange; plus?: boolean }): ReactElement {
	const t = useText();
	return (
		<li className={plus ? "plus" : "minus"}>
			<span aria-hidden="true">{plus ? "+" : "−"}</span>
			<bdi>{words(r, t)}</bdi>
		</li>
	);
}

function words(r: RightChange, t: Text): string {
	const some = (names: string[]): string =>
		names.length > 6 ? `${names.slice(0, 5).join(", ")} +${names.length - 5}` : names.join(", ");
	const what = [...r.verbs.map((v) => verbWord(v, t)), ...r.ip].join(", ");
	const users = r.users.map((u) => (u === "*" ? t.access.anyUser : u)).join(", ");
	const as = users === "" ? "" : ` ${t.access.asUser} ${users}${r.except.length > 0 ? `, ${t.access.except} ${r.except.join(", ")}` : ""}`;
	return `${some(r.who)}: ${what}${as} ${t.access.on} ${some(r.on)}${r.later ? ` (${t.access.later})` : ""}`;
}
