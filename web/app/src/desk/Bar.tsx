import { type ReactElement, useEffect, useState } from "react";
import { useText } from "../text";
import { pathWord } from "../ui/Path";
import { Button, Dot, Name, type Tone } from "../ui/parts";
import { say } from "../ui/toast";
import { Clipboard } from "./Clipboard";
import type { Desk, Shown } from "./desk";
import { Menu, Screens, Specials, whyOf } from "./menus";

const tones: Record<Shown["phase"], Tone> = { connecting: "warn", asking: "warn", open: "ok", lost: "bad", ended: "off" };

interface KeyboardLock {
	lock?: () => Promise<void>;
	unlock?: () => void;
}

const lock = (navigator as unknown as { keyboard?: KeyboardLock }).keyboard;

/** Who is looked at and how it travels; and all that can be done with it. */
export function Bar(props: {
	desk: Desk;
	shown: Shown;
	name: string;
	back: string;
	/** Another of the device's displays is to be looked at. */
	choose: (display: string) => void;
}): ReactElement {
	const t = useText();
	const { desk, shown } = props;
	const [clip, setClip] = useState(false);
	const full = useFullScreen();
	const phase = phaseOf(shown);
	const open = shown.phase === "open";
	const controls = open && shown.ready?.control === true;
	const toggleFull = async (): Promise<void> => {
		if (full) {
			await document.exitFullscreen();
			return;
		}
		try {
			await document.documentElement.requestFullscreen();
			if (lock?.lock !== undefined) {
				await lock.lock();
				say(t.desk.lockHint);
			}
		} catch (e) {
			say(e instanceof Error ? e.message : String(e));
		}
		desk.hands.focus();
	};
	return (
		<div className="desk-bar" role="toolbar" aria-label={t.desk.of(props.name)}>
			<a className="desk-name" href={props.back} title={t.desk.back(props.name)}>
				<Dot tone={tones[shown.phase]} label={t.desk.phases[phase]} />
				<strong>
					<Name>{props.name}</Name>
				</strong>
			</a>
			<Travel shown={shown} />
			<Screens desk={desk} shown={shown} choose={props.choose} />
			<Button
				look="plain"
				slim
				icon={shown.scale === "fit" ? "one" : "fit"}
				aria-label={shown.scale === "fit" ? t.desk.one : t.desk.fit}
				onClick={() => desk.scale(shown.scale === "fit" ? "one" : "fit")}
			/>
			<Menu desk={desk} shown={shown} />
			<Button
				look="plain"
				slim
				icon={shown.verb === "control" ? "eye" : "hand"}
				aria-label={shown.verb === "control" ? t.desk.watch : t.desk.control}
				onClick={() => desk.as(shown.verb === "control" ? "view" : "control")}
			/>
			{controls && (
				<>
					<Specials desk={desk} />
					<Button
						look="plain"
						slim
						icon="keyboard"
						className="desk-touch"
						aria-label={t.desk.keyboard}
						onClick={() => desk.hands.focus()}
					/>
				</>
			)}
			<Button
				look="plain"
				slim
				icon="paste"
				className={shown.copied?.taken === false ? "desk-news" : ""}
				aria-label={shown.copied?.taken === false ? t.desk.clipboardNews : t.desk.clipboard}
				disabled={!open}
				onClick={() => setClip(true)}
			/>
			<Button
				look="plain"
				slim
				icon="full"
				aria-label={full ? t.desk.leaveFull : t.desk.full}
				onClick={() => void toggleFull()}
			/>
			<Clipboard desk={desk} shown={shown} open={clip} close={() => setClip(false)} />
		</div>
	);
}

const phaseOf = (shown: Shown): Shown["phase"] | "gone" => (shown.gone && shown.ready !== undefined && shown.phase !== "open" ? "gone" : shown.phase);

/** How the picture travels, and who looks too. */
function Travel({ shown }: { shown: Shown }): ReactElement {
	const t = useText();
	const { quality: q, path } = shown;
	return (
		<div className="say small dim">
			{shown.phase !== "open" && <span>{t.desk.phases[phaseOf(shown)]}</span>}
			{shown.phase === "open" && shown.verb === "view" && <span>{t.desk.watching}</span>}
			{q !== undefined && shown.phase === "open" && (
				<span className="num" title={whyOf(q, t)} data-quality={q.mode}>
					{t.desk.modeWord(q.mode)} · {t.desk.rate(q.kbitS)}
					{shown.limit > 0 && ` (${t.desk.atMost(t.desk.limitOf(shown.limit))})`} · {t.desk.frames(q.framesS)} · {t.desk.rtt(q.rttMs)}
				</span>
			)}
			{path?.kind !== undefined && path.kind !== "" && (
				<span className="hide-s">
					{pathWord(path.kind, t)}
					{path.via !== undefined && path.via !== "" && ` ${t.path.via(path.via)}`}
				</span>
			)}
			{shown.phase === "open" && shown.ready !== undefined && shown.ready.owner !== "" && (
				<span className="hide-s">
					<Name>{t.desk.displayOf(shown.ready.display, shown.ready.owner)}</Name>
				</span>
			)}
			{shown.viewers.length > 1 && (
				<span className="hide-s">
					<Name>{t.desk.viewers(shown.viewers.join(", "))}</Name>
				</span>
			)}
		</div>
	);
}

function useFullScreen(): boolean {
	const [full, setFull] = useState(document.fullscreenElement !== null);
	useEffect(() => {
		const heard = (): void => {
			setFull(document.fullscreenElement !== null);
			if (document.fullscreenElement === null) {
				lock?.unlock?.();
			}
		};
		document.addEventListener("fullscreenchange", heard);
		return () => document.removeEventListener("fullscreenchange", heard);
	}, []);
	return full;
}
