import {
	type ColumnDef,
	createSortedRowModel,
	rowSortingFeature,
	sortFn_alphanumeric,
	sortFn_basic,
	tableFeatures,
	useTable,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactElement, type ReactNode, useMemo, useRef } from "react";
import { Icon } from "./Icon";

export interface Column<T> {
	id: string;
	header: string;
	/** What the column is sorted by; without it it is not. */
	value?: (row: T) => string | number;
	cell: (row: T) => ReactNode;
	/** A track of grid-template-columns. */
	width: string;
	/** Left out where the page is narrower than 900 (m) or 560 (s) pixels. */
	hide?: "m" | "s";
	right?: boolean;
}

const features = tableFeatures({
	rowSortingFeature,
	sortedRowModel: createSortedRowModel(),
	sortFns: { alphanumeric: sortFn_alphanumeric, basic: sortFn_basic },
});

const rowHeight = 40;

/**
 * A table of any length: only the rows in view are in the document. The first
 * cell of a row holds its link; arrows go from row to row.
 */
export function VirtualTable<T extends { id: string }>(props: {
	rows: T[];
	/** Which of them are shown. They are sorted before, so a filter costs no sorting. */
	keep?: (row: T) => boolean;
	columns: Column<T>[];
	label: string;
	/** Rows have no link: what scrolls them is the keyboard's too. */
	linkless?: boolean;
	empty: ReactNode;
	sorted?: { id: string; desc: boolean };
	narrow: "" | "m" | "s";
}): ReactElement {
	const shown = useMemo(
		() => props.columns.filter((c) => c.hide === undefined || props.narrow === "" || (props.narrow === "m" && c.hide === "s")),
		[props.columns, props.narrow],
	);
	const defs = useMemo(
		(): ColumnDef<typeof features, T>[] =>
			shown.map((c) => ({
				id: c.id,
				accessorFn: (row: T) => c.value?.(row) ?? "",
				enableSorting: c.value !== undefined,
				sortFn: "basic" as const,
			})),
		[shown],
	);
	const table = useTable({
		features,
		columns: defs,
		data: props.rows,
		getRowId: (row: T) => row.id,
		initialState: { sorting: props.sorted === undefined ? [] : [props.sorted] },
		enableSortingRemoval: false,
	});
	const sorted = table.getRowModel().rows;
	const { keep } = props;
	const rows = useMemo(() => (keep === undefined ? sorted : sorted.filter((r) => keep(r.original))), [sorted, keep]);
	const box = useRef<HTMLDivElement>(null);
	const virtual = useVirtualizer({
		count: rows.length,
		getScrollElement: () => box.current,
		estimateSize: () => rowHeight,
		overscan: 16,
		getItemKey: (i) => rows[i]?.id ?? i,
	});
	const tracks = shown.map((c) => c.width).join(" ");

	const move = (e: KeyboardEvent): void => {
		const at = Number((e.target as HTMLElement).closest<HTMLElement>("[data-row]")?.dataset.row);
		if (Number.isNaN(at)) {
			return;
		}
		const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 400) / rowHeight) - 1);
		const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: rows.length - 1 }[
			e.key
		];
		if (to === undefined) {
			return;
		}
		e.preventDefault();
		const row = Math.min(Math.max(to, 0), rows.length - 1);
		virtual.scrollToIndex(row);
		requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-row="${row}"] a`)?.focus());
	};

	return (
		<div className="grid-table" role="table" aria-label={props.label} aria-rowcount={rows.length + 1}>
			<div role="rowgroup">
				<div className="grid-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: tracks }}>
					{shown.map((c) => {
						const column = table.getColumn(c.id);
						const order = column?.getIsSorted() ?? false;
						return (
							<div
								key={c.id}
								role="columnheader"
								className={c.right ? "right" : ""}
								aria-sort={order === "asc" ? "ascending" : order === "desc" ? "descending" : "none"}
							>
								{c.value === undefined ? (
									c.header
								) : (
									<button type="button" onClick={column?.getToggleSortingHandler()}>
										{c.header}
										{order !== false && <Icon name={order === "asc" ? "up" : "down"} size={13} />}
									</button>
								)}
							</div>
						);
					})}
				</div>
			</div>
			<div
				className={`grid-body ${rows.length === 0 ? "none" : ""}`}
				ref={box}
				role="rowgroup"
				onKeyDown={move}
				tabIndex={props.linkless ? 0 : -1}
				style={{ height: rows.length === 0 ? "auto" : virtual.getTotalSize() }}
			>
				{rows.length === 0 ? (
					<div role="row">
						<div role="cell">{props.empty}</div>
					</div>
				) : (
					<div className="grid-space" role="presentation" style={{ height: virtual.getTotalSize() }}>
						{virtual.getVirtualItems().map((item) => {
							const row = rows[item.index];
							return (
								row && (
									<div
										key={item.key}
										role="row"
										className="grid-row"
										data-row={item.index}
										aria-rowindex={item.index + 2}
										style={{
											gridTemplateColumns: tracks,
											height: rowHeight,
											transform: `translateY(${item.start}px)`,
										}}
									>
										{shown.map((c, i) => (
											<div key={c.id} role="cell" className={`${i === 0 ? "first" : ""} ${c.right ? "right num" : ""}`}>
												{c.cell(row.original)}
											</div>
										))}
									</div>
								)
							);
						})}
					</div>
				)}
			</div>
		</div>
	);
}
