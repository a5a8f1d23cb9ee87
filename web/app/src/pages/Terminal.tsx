import { Tabs } from "radix-ui";
import { type FormEvent, type ReactElement, useMemo, useState } from "react";
import { useDevices, useWhoami } from "../api/queries";
import { useStore } from "../lib/store";
import { closeShell } from "../term/shell";
import { activeTerminal, addTab, type Tab, terminals } from "../term/tabs";
import { TerminalView } from "../term/View";
import { useText } from "../text";
import { Confirm, Dialog } from "../ui/Dialog";
import { Button, Dot, Empty, Field, Name, type Tone } from "../ui/parts";
import { UserField } from "../ui/UserField";

const tones: Record<Tab["phase"], Tone> = { connecting: "warn", open: "ok", lost: "bad", ended: "off" };

export default function Terminal(): ReactElement {
	const t = useText();
	const tabs = useStore(terminals);
	const active = useStore(activeTerminal);
	const [opening, setOpening] = useState(false);
	const [closing, setClosing] = useState<Tab>();
	const shown = tabs.find((tab) => tab.key === active) ?? tabs[0];
	const phases = {
		connecting: t.terminal.connecting,
		open: t.terminal.open_,
		lost: t.terminal.lost,
		ended: t.terminal.ended,
	};
	const close = (tab: Tab): void => {
		if (tab.phase === "open") {
			setClosing(tab);
		} else {
			closeShell(tab.key);
		}
	};
	return (
		<div className="term-page">
			<h1 className="only-read">{t.terminal.title}</h1>
			{tabs.length === 0 || shown === undefined ? (
				<Empty
					icon="terminal"
					title={t.terminal.empty}
					action={
						<Button look="main" icon="plus" onClick={() => setOpening(true)}>
							{t.terminal.new}
						</Button>
					}
				>
					{t.terminal.emptyHint}
				</Empty>
			) : (
				<Tabs.Root
					className="term-page"
					value={shown.key}
					onValueChange={(key) => activeTerminal.set(key)}
					activationMode="manual"
				>
					<div className="term-tabs">
						<Tabs.List className="tabs" aria-label={t.terminal.tabs}>
							{tabs.map((tab) => (
								<Tabs.Trigger key={tab.key} value={tab.key}>
									<Dot tone={tones[tab.phase]} label={phases[tab.phase]} />
									<Name>{tab.name}</Name>
								</Tabs.Trigger>
							))}
						</Tabs.List>
						<Button look="plain" slim icon="plus" aria-label={t.terminal.new} onClick={() => setOpening(true)} />
						<Button
							look="plain"
							slim
							icon="close"
							aria-label={t.terminal.closeTab(shown.name)}
							onClick={() => close(shown)}
						/>
					</div>
					<Tabs.Content value={shown.key} className="term-page" tabIndex={-1}>
						<TerminalView key={shown.key} tab={shown} />
					</Tabs.Content>
				</Tabs.Root>
			)}
			<OpenDialog open={opening} close={() => setOpening(false)} />
			<Confirm
				open={closing !== undefined}
				close={() => setClosing(undefined)}
				title={t.terminal.closeTitle(closing?.name ?? "")}
				verb={t.terminal.closeVerb}
				danger
				act={async () => closing && closeShell(closing.key)}
			>
				<p>{t.terminal.closeWhat}</p>
			</Confirm>
		</div>
	);
}

function OpenDialog({ open, close }: { open: boolean; close: () => void }): ReactElement {
	const t = useText();
	return (
		<Dialog open={open} close={close} title={t.terminal.new}>
			<OpenForm opened={close} />
		</Dialog>
	);
}

function OpenForm({ opened }: { opened: () => void }): ReactElement {
	const t = useText();
	const self = useWhoami().data?.node;
	const devices = useDevices().data;
	const [device, setDevice] = useState("");
	const [user, setUser] = useState("");
	const choices = useMemo(
		() =>
			(devices ?? [])
				.filter((d) => d.online && !d.revoked && d.id !== self)
				.sort((a, b) => a.name.localeCompare(b.name)),
		[devices, self],
	);
	const found = choices.find((d) => d.name === device || d.id === device);
	const submit = (e: FormEvent): void => {
		e.preventDefault();
		if (found !== undefined) {
			addTab(found.id, found.name, user.trim());
			opened();
		}
	};
	return (
		<form className="stack" onSubmit={submit}>
			<Field label={t.terminal.device}>
				{(id) => (
					<>
						<input
							id={id}
							className="input"
							list={`${id}-list`}
							value={device}
							onChange={(e) => setDevice(e.target.value)}
							placeholder={t.terminal.choose}
							autoComplete="off"
							autoFocus
						/>
						<datalist id={`${id}-list`}>
							{choices.slice(0, 500).map((d) => (
								<option key={d.id} value={d.name} />
							))}
						</datalist>
					</>
				)}
			</Field>
			<UserField user={user} set={setUser} />
			<Button type="submit" look="main" disabled={found === undefined}>
				{t.terminal.open}
			</Button>
		</form>
	);
}
