import { DropdownMenu } from "radix-ui";
import type { ReactElement } from "react";
import type { ScreenQuality } from "../gen/screen_pb";
import { type Text, useText } from "../text";
import { inWords, saidOf } from "../text/said";
import { Icon } from "../ui/Icon";
import { Button, Name } from "../ui/parts";
import { type Desk, limits, type Mode, type Shown } from "./desk";

const modes: Mode[] = ["auto", "lossless", "video"];

/** How the picture is sent, how the display is sized, and what is not possible. */
export function Menu({ desk, shown }: { desk: Desk; shown: Shown }): ReactElement {
	const t = useText();
	const missing = (shown.ready?.limits ?? []).map((l, i) => inWords(shown.ready?.said[i], l, t));
	return (
		<DropdownMenu.Root modal={false}>
			<DropdownMenu.Trigger asChild>
				<Button look="plain" slim icon="gauge" aria-label={t.desk.quality} disabled={shown.phase !== "open"} />
			</DropdownMenu.Trigger>
			<DropdownMenu.Portal>
				<DropdownMenu.Content className="menu desk-menu" align="end" sideOffset={6}>
					<DropdownMenu.Label className="label">{t.desk.quality}</DropdownMenu.Label>
					<DropdownMenu.RadioGroup value={shown.mode} onValueChange={(v) => desk.choose(v as Mode)}>
						{modes.map((v) => (
							<Choice key={v} value={v} label={t.desk.modes[v]} disabled={v === "video" && typeof VideoDecoder === "undefined"} />
						))}
					</DropdownMenu.RadioGroup>
					{typeof VideoDecoder === "undefined" && <DropdownMenu.Label className="said">{t.desk.noVideo}</DropdownMenu.Label>}
					{shown.quality !== undefined && shown.quality.why !== "" && (
						<DropdownMenu.Label className="said">
							<bdi>{whyOf(shown.quality, t)}</bdi>
						</DropdownMenu.Label>
					)}
					<DropdownMenu.Label className="label">{t.desk.limit}</DropdownMenu.Label>
					<DropdownMenu.RadioGroup className="desk-limits" value={String(shown.limit)} onValueChange={(v) => desk.atMost(Number(v))}>
						{limits.map((n) => (
							<Choice key={n} value={String(n)} label={n === 0 ? t.desk.noLimit : t.desk.limitOf(n)} />
						))}
					</DropdownMenu.RadioGroup>
					<DropdownMenu.Separator className="line" />
					<DropdownMenu.Item disabled={shown.ready?.control !== true} onSelect={() => desk.fitDisplay()}>
						<span className="tick" />
						{t.desk.fitDisplay}
					</DropdownMenu.Item>
					{missing.length > 0 && <DropdownMenu.Label className="label">{t.desk.limits}</DropdownMenu.Label>}
					{missing.map((l) => (
						<DropdownMenu.Label key={l} className="said">
							<bdi>{l}</bdi>
						</DropdownMenu.Label>
					))}
				</DropdownMenu.Content>
			</DropdownMenu.Portal>
		</DropdownMenu.Root>
	);
}

/** Keys that this machine or its browser would take for itself. */
export function Specials({ desk }: { desk: Desk }): ReactElement {
	const t = useText();
	return (
		<DropdownMenu.Root modal={false}>
			<DropdownMenu.Trigger asChild>
				<Button look="plain" slim icon="key" aria-label={t.desk.specials} />
			</DropdownMenu.Trigger>
			<DropdownMenu.Portal>
				<DropdownMenu.Content
					className="menu desk-menu"
					align="end"
					sideOffset={6}
					onCloseAutoFocus={(e) => (e.preventDefault(), desk.hands.focus())}
				>
					{Object.entries(t.desk.specialNames).map(([name, label]) => (
						<DropdownMenu.Item key={name} onSelect={() => desk.say({ case: "special", value: name })}>
							{label}
						</DropdownMenu.Item>
					))}
				</DropdownMenu.Content>
			</DropdownMenu.Portal>
		</DropdownMenu.Root>
	);
}

/** Which display is looked at, and which of its monitors; nothing where there is one. */
export function Screens({ desk, shown, choose }: { desk: Desk; shown: Shown; choose: (display: string) => void }): ReactElement | null {
	const t = useText();
	const { display, displays } = shown;
	const monitors = shown.ready?.monitors ?? [];
	if (monitors.length < 2 && displays.length < 2) {
		return null;
	}
	const monitor = monitors.find((m) => m.id === shown.monitor)?.name ?? t.desk.allMonitors;
	const label = [displays.length > 1 && `${t.desk.display}: ${display}`, monitors.length > 1 && `${t.desk.monitor}: ${monitor}`];
	return (
		<DropdownMenu.Root modal={false}>
			<DropdownMenu.Trigger asChild>
				<Button look="plain" slim icon="devices" aria-label={label.filter(Boolean).join(" · ")} />
			</DropdownMenu.Trigger>
			<DropdownMenu.Portal>
				<DropdownMenu.Content className="menu desk-menu" align="end" sideOffset={6}>
					{displays.length > 1 && (
						<>
							<DropdownMenu.Label className="label">{t.desk.display}</DropdownMenu.Label>
							<DropdownMenu.RadioGroup value={display} onValueChange={choose}>
								{displays.map((d) => (
									<Choice key={d.name} value={d.name} label={whose(d)} />
								))}
							</DropdownMenu.RadioGroup>
						</>
					)}
					{monitors.length > 1 && (
						<>
							<DropdownMenu.Label className="label">{t.desk.monitor}</DropdownMenu.Label>
							<DropdownMenu.RadioGroup value={String(shown.monitor)} onValueChange={(v) => desk.look(Number(v))}>
								<Choice value="0" label={t.desk.allMonitors} />
								{monitors.map((m) => (
									<Choice key={m.id} value={String(m.id)} label={`${m.name} · ${m.width} × ${m.height}`} />
								))}
							</DropdownMenu.RadioGroup>
						</>
					)}
				</DropdownMenu.Content>
			</DropdownMenu.Portal>
		</DropdownMenu.Root>
	);
}

/** Why the picture travels as it does. */
export function whyOf(q: ScreenQuality, t: Text): string {
	const told = q.said.map((s) => saidOf(s, t));
	return told.length === 0 || told.includes(undefined) ? q.why : told.flat().join(" ");
}

/** A display, and whose it is. */
export const whose = (d: { name: string; owner: string }): string => (d.owner === "" ? d.name : `${d.name} · ${d.owner}`);

function Choice({ value, label, disabled }: { value: string; label: string; disabled?: boolean }): ReactElement {
	return (
		<DropdownMenu.RadioItem value={value} disabled={disabled}>
			<span className="tick">
				<DropdownMenu.ItemIndicator>
					<Icon name="check" size={14} />
				</DropdownMenu.ItemIndicator>
			</span>
			<Name>{label}</Name>
		</DropdownMenu.RadioItem>
	);
}
