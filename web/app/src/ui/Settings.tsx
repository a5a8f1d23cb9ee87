import { DropdownMenu } from "radix-ui";
import type { ReactElement } from "react";
import { type Language, setLanguage, setTheme, type Theme, useLanguage, useShownTheme, useTheme } from "../lib/settings";
import { useText } from "../text";
import { Icon } from "./Icon";
import { Button } from "./parts";

const themes: Theme[] = ["system", "light", "dark"];
const languages: [Language, string][] = [
	["en", "English"],
	["de", "Deutsch"],
];

export function Settings(): ReactElement {
	const t = useText();
	const theme = useTheme();
	const language = useLanguage();
	const shown = useShownTheme();
	return (
		<DropdownMenu.Root modal={false}>
			<DropdownMenu.Trigger asChild>
				<Button look="plain" slim icon={shown === "dark" ? "moon" : "sun"} aria-label={t.common.settings} />
			</DropdownMenu.Trigger>
			<DropdownMenu.Portal>
				<DropdownMenu.Content className="menu" align="end" sideOffset={6}>
					<DropdownMenu.Label className="label">{t.common.theme}</DropdownMenu.Label>
					<DropdownMenu.RadioGroup value={theme} onValueChange={(v) => setTheme(v as Theme)}>
						{themes.map((v) => (
							<Choice key={v} value={v} label={t.common.themes[v]} />
						))}
					</DropdownMenu.RadioGroup>
					<DropdownMenu.Label className="label">{t.common.language}</DropdownMenu.Label>
					<DropdownMenu.RadioGroup value={language} onValueChange={(v) => setLanguage(v as Language)}>
						{languages.map(([v, label]) => (
							<Choice key={v} value={v} label={label} />
						))}
					</DropdownMenu.RadioGroup>
				</DropdownMenu.Content>
			</DropdownMenu.Portal>
		</DropdownMenu.Root>
	);
}

function Choice({ value, label }: { value: string; label: string }): ReactElement {
	return (
		<DropdownMenu.RadioItem value={value}>
			<span className="tick">
				<DropdownMenu.ItemIndicator>
					<Icon name="check" size={14} />
				</DropdownMenu.ItemIndicator>
			</span>
			{label}
		</DropdownMenu.RadioItem>
	);
}
