// A mesh of any size that is not there: the answer of NodeService.Devices,
// written by hand, in place of the node's.
import { BinaryWriter } from "@bufbuild/protobuf/wire";

const LEN = 2;
const VARINT = 0;

function text(w, field, value) {
	w.tag(field, LEN).string(value);
}

function device({ id, name, tags, site, online, path }) {
	const w = new BinaryWriter();
	text(w, 1, id);
	text(w, 2, name);
	text(w, 3, "device");
	text(w, 4, `10.97.${(id.length * 7) % 250}.${id.charCodeAt(3) % 250}`);
	for (const t of tags) {
		text(w, 5, t);
	}
	text(w, 6, site);
	if (online) {
		w.tag(10, VARINT).bool(true);
	}
	text(w, 14, "linux");
	const p = new BinaryWriter();
	text(p, 1, path);
	w.tag(15, LEN).bytes(p.finish());
	return w.finish();
}

const sites = ["Berlin", "Hamburg", "München", "Köln", "Leipzig"];
const paths = ["lan", "direct-v4", "direct-v6", "member-udp", "none"];

export const hostile = [
	`${"very-".repeat(200)}long`,
	"\u202egnp.exe\u2066 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
	"<img src=x onerror=alert(1)><script>alert(2)</script>",
];

export function devices(count, names = []) {
	const w = new BinaryWriter();
	for (let i = 0; i < count; i++) {
		w.tag(1, LEN).bytes(
			device({
				id: i.toString(16).padStart(32, "0"),
				name: names[i] ?? `host-${String(i).padStart(5, "0")}`,
				tags: [i % 2 === 0 ? "till" : "kiosk", `floor-${i % 7}`],
				site: sites[i % sites.length],
				online: i % 3 !== 0,
				path: paths[i % paths.length],
			}),
		);
	}
	return Buffer.from(w.finish());
}

/** Answers for the devices, and lets everything else through but Watch, which would contradict. */
export async function fakeDevices(page, count, names) {
	const body = devices(count, names);
	await page.route("**/warren.v1.NodeService/Devices", (r) => r.fulfill({ contentType: "application/proto", body }));
	await page.route("**/warren.v1.ConsoleService/Watch", (r) => r.abort());
}
