import type { ReactElement } from "react";

// Drawn for warren on a grid of 24, in strokes of 1.8.
const paths = {
	overview: "M4 5h7v6H4zM13 5h7v4h-7zM13 11h7v8h-7zM4 13h7v6H4z",
	devices: "M4 5h16v11H4zM9 20h6M12 16v4",
	terminal: "M4 5h16v14H4zM8 10l3 2.5L8 15M13 15h3",
	invites: "M3 7h18v11H3zM3.5 7.5 12 14l8.5-6.5",
	network: "M12 4.5v5M12 9.5 6 16M12 9.5l6 6.5M12 3a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zM5.5 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM18.5 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
	access: "M12 3l7 3v5c0 4.6-2.9 8.2-7 10-4.100-1.800-7-5.400-7-10V6zM9 12l2.200 2.200L15.200 10",
	sessions: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.500l3 2",
	audit: "M6 3h9l4 4v14H6zM14.500 3v4.500H19M9 12h7M9 16h5",
	mesh: "M12 3l8 4.500v9L12 21l-8-4.500v-9zM12 12l8-4.500M12 12v9M12 12 4 7.500",
	owner: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.500 20c.8-3.700 3.800-5.500 7.500-5.500s6.700 1.800 7.500 5.500",
	search: "M11 4.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.800 15.800 20 20",
	menu: "M4 7h16M4 12h16M4 17h16",
	close: "M6 6l12 12M18 6 6 18",
	plus: "M12 5v14M5 12h14",
	check: "M5 12.500 10 17.500 19 7.500",
	warn: "M12 4 2.800 20h18.400zM12 10v4.500M12 17.200v.3",
	copy: "M8.500 8.500h11v11h-11zM15.500 8.500v-4h-11v11h4",
	sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400",
	moon: "M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z",
	system: "M4 5h16v11H4zM9 20h6M12 5v11",
	up: "M7 14l5-5 5 5",
	down: "M7 10l5 5 5-5",
	right: "M10 7l5 5-5 5",
	trash: "M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13M10.500 11v5.500M13.500 11v5.500",
	refresh: "M19.500 12a7.500 7.500 0 1 1-2.300-5.400M19.500 3.500v4h-4",
	key: "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 12.200 19.500 4M16 7.300l2.500 2.500",
	paste: "M9 5H6v15h12V5h-3M9 3.500h6v3H9zM9.500 12h5M9.500 15.500h5",
	save: "M12 4v11M7.500 10.500 12 15l4.500-4.500M5 19.500h14",
	leave: "M14 4.500H5.500v15H14M10 12h10M16.500 8.500 20 12l-3.500 3.500",
	full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
	fit: "M3.500 5.500h17v13h-17zM8 12h8M8 12l2-2M8 12l2 2M16 12l-2-2M16 12l-2 2",
	one: "M3.500 5.500h17v13h-17zM7.500 10l1.500-1v6M15 10l1.500-1v6M12.200 10.500v.2M12.200 14v.2",
	eye: "M2.500 12C5 7.500 8.300 5.500 12 5.500s7 2 9.500 6.500c-2.500 4.500-5.800 6.500-9.500 6.500S5 16.500 2.500 12zM12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
	hand: "M5 3.500 19 11l-6 1.800L10 19z",
	keyboard: "M2.500 6.500h19v11h-19zM6 10h.2M9.900 10h.2M13.900 10h.2M17.800 10h.2M6 14h.2M9 14h6M17.800 14h.2",
	gauge: "M4 17a8.500 8.500 0 1 1 16 0M12 15.500l4-5",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }): ReactElement {
	return (
		<svg
			className="icon"
			width={size}
			height={size}
			viewBox="0 0 24 24"
			fill="none"
			stroke="currentColor"
			strokeWidth="1.8"
			strokeLinecap="round"
			strokeLinejoin="round"
			aria-hidden="true"
		>
			<path d={paths[name]} />
		</svg>
	);
}

export function Mark({ size = 30 }: { size?: number }): ReactElement {
	return (
		<svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
			<rect width="32" height="32" rx="8" fill="var(--accent)" />
			<path
				d="M9 21 16 9l7 12M9 21h14"
				fill="none"
				stroke="var(--on-accent)"
				strokeWidth="2.400"
				strokeLinecap="round"
			/>
			<g fill="var(--on-accent)">
				<circle cx="16" cy="9" r="3.200" />
				<circle cx="9" cy="21.500" r="3.200" />
				<circle cx="23" cy="21.500" r="3.200" />
			</g>
		</svg>
	);
}
