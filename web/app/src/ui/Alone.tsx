import type { ReactElement, ReactNode } from "react";
import { Mark } from "./Icon";
import { Settings } from "./Settings";

/** A page without the frame: one card for who is not in yet. */
export function Alone({ children }: { children: ReactNode }): ReactElement {
	return (
		<main className="alone">
			<div className="card gate">
				<div className="bar">
					<Mark size={36} />
					<span className="grow" />
					<Settings />
				</div>
				{children}
			</div>
		</main>
	);
}
