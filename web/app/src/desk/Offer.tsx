import { type ReactElement, useEffect, useState } from "react";
import { bytes } from "../lib/time";
import { type Text, useText } from "../text";
import { Button } from "../ui/parts";
import { complain } from "../ui/toast";
import { type Content, previewOf, sizeOf } from "./clip";
import type { Desk } from "./desk";
import type { Copied } from "./exchange";

/** How long the offer lies over the picture, in ms; in the clipboard's dialog it stays. */
const lies = 8000;

/** What was copied: its kind and its size. */
export function kindOf(c: Content, t: Text): string {
	const size = sizeOf(c);
	const length = bytes(c.bytes.length, t.common.decimal);
	return size === undefined ? t.desk.someText(length) : t.desk.somePicture(size.width, size.height, length);
}

/** What the device copied, over the picture's corner: to be taken, or that it was. */
export function Offer({ desk, copied }: { desk: Desk; copied: Copied | undefined }): ReactElement | null {
	const t = useText();
	const [seen, setSeen] = useState<Copied>();
	useEffect(() => {
		const timer = setTimeout(() => setSeen(copied), lies);
		return () => clearTimeout(timer);
	}, [copied]);
	if (copied === undefined || copied === seen) {
		return null;
	}
	const preview = previewOf(copied.content).slice(0, 200).replace(/\p{C}+|\s+/gu, " ").trim();
	return (
		<div className="desk-offer" role="status">
			<div>
				<div className="small dim">{copied.taken ? t.desk.taken : t.desk.copied}</div>
				<div>{kindOf(copied.content, t)}</div>
				{preview !== "" && <bdi className="desk-preview">{preview}</bdi>}
			</div>
			{!copied.taken && (
				<Button slim icon="copy" onClick={() => void desk.clips.take().then(() => desk.hands.focus(), complain)}>
					{t.desk.take}
				</Button>
			)}
			<Button look="plain" slim icon="close" aria-label={t.common.close} onClick={() => setSeen(copied)} />
		</div>
	);
}
