import type { ReactElement, ReactNode } from "react";

export interface Cell<T> {
	header: string;
	cell: (row: T) => ReactNode;
	/** Left out where the page is narrower than 900 (m) or 560 (s) pixels. */
	hide?: "m" | "s";
	/** A class of the cells. */
	look?: string;
	/** What can be done with a row: the header is there to be read aloud. */
	acts?: boolean;
}

/** A table of some rows; VirtualTable is for many. */
export function List<T>(props: { rows: T[]; id: (row: T) => string; cells: Cell<T>[] }): ReactElement {
	const classes = (c: Cell<T>, look = ""): string | undefined => [c.hide && `hide-${c.hide}`, look].filter(Boolean).join(" ") || undefined;
	return (
		<div className="scroll-x">
			<table className="list">
				<thead>
					<tr>
						{props.cells.map((c) => (
							<th key={c.header} className={classes(c)}>
								{c.acts ? <span className="only-read">{c.header}</span> : c.header}
							</th>
						))}
					</tr>
				</thead>
				<tbody>
					{props.rows.map((row) => (
						<tr key={props.id(row)}>
							{props.cells.map((c) => (
								<td key={c.header} className={classes(c, c.acts ? "acts" : c.look)}>
									{c.cell(row)}
								</td>
							))}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}
