import { type ReactElement, useMemo } from "react";
import { encode } from "uqr";

/** A QR code as one path, dark on white in either theme: cameras want it so. */
export function Qr({ text, label }: { text: string; label: string }): ReactElement {
	const { size, path } = useMemo(() => {
		const code = encode(text, { ecc: "L", border: 2 });
		let d = "";
		code.data.forEach((row, y) => {
			row.forEach((on, x) => {
				if (on) {
					d += `M${x} ${y}h1v1h-1z`;
				}
			});
		});
		return { size: code.size, path: d };
	}, [text]);
	return (
		<svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
			<path d={path} fill="#000" />
		</svg>
	);
}
