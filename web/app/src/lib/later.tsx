import { type ComponentType, lazy, type LazyExoticComponent, type ReactElement, useState } from "react";

type Page = ComponentType<{ args: string[] }>;

/**
 * A page whose code comes when it is looked at; or ahead, and then it is there
 * at once. React's lazy alone shows its fallback even for what was fetched, and
 * keeps a fallback for 300 ms.
 */
export function later(load: () => Promise<{ default: Page }>): Page & { ahead(): Promise<unknown> } {
	let here: Page | undefined;
	const ahead = async (): Promise<{ default: Page }> => {
		const m = await load();
		here = m.default;
		return m;
	};
	const Late = lazy(ahead);
	const Later = ({ args }: { args: string[] }): ReactElement => {
		const [Now] = useState<Page | LazyExoticComponent<Page>>(() => here ?? Late);
		return <Now args={args} />;
	};
	return Object.assign(Later, { ahead });
}
