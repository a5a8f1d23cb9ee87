import type { ReactElement } from "react";
import { useDevices } from "../api/queries";
import { DesktopView } from "../desk/View";
import { deviceOf } from "../lib/named";
import { href, useRoute } from "../lib/router";
import { useText } from "../text";
import { Await, Empty } from "../ui/parts";

export default function Desktop({ args }: { args: string[] }): ReactElement {
	const t = useText();
	const route = useRoute();
	return (
		<Await query={useDevices()}>
			{(devices) => {
				const device = deviceOf(devices, args[0]);
				return device === undefined ? (
					<Empty icon="devices" title={t.device.notFound} action={<a href={href("devices")}>{t.device.allDevices}</a>}>
						{t.device.notFoundHint}
					</Empty>
				) : (
					<DesktopView
						key={device.id}
						device={device.id}
						name={device.name}
						display={route.query.get("display") ?? ""}
						verb={route.query.has("view") ? "view" : "control"}
					/>
				);
			}}
		</Await>
	);
}
