/** What happened, and what to do next, where there is something to do. */
export type Told = readonly [what: string, next?: string];
type Sentence = Told | ((...args: string[]) => Told);
type Reason = (...args: string[]) => string;

const x11 = "Log in there with an X11 session, or run warren up --desktop-user NAME there for a display on demand.";
const later = "Try again in a moment.";
const asUser = "Restart the node there with warren up --desktop-user NAME.";

/** Why there is no path to a machine: a part of a sentence. */
export const why = {
	"not-up": () => "it has not been up yet",
	"no-address": () => "it has told no address yet",
	"no-tunnel": () => "the tunnel to it is not set up yet",
	"no-pong": (n) => `no answer from ${addresses(n)}`,
	"no-pong-nor-member": (n) => `no answer from ${addresses(n)}, and no member that others can reach helps the two to meet`,
	"no-pong-nor-there": (n, member) => `no answer from ${addresses(n)}, nor through ${member}, where it was last`,
	"no-pong-nor-home": (n) => `no answer from ${addresses(n)}, and it waits at no member that helps to meet`,
} satisfies Record<string, Reason>;

function addresses(n: string | undefined): string {
	return n === "1" ? "its one known address" : `its ${n} known addresses`;
}

const because = (code: string, args: string[]): string =>
	Object.hasOwn(why, code) ? why[code as keyof typeof why](...(args as [string, string])) : "there is no path to it";

/** What devices and nodes say, by its code: the lists of session/screen/words and node/fault. */
export const said = {
	"said-no": ["The person at the device said no.", "Talk to them first; in two minutes you may ask again."],
	"just-said-no": ["A moment ago the answer was no, or there was none.", "Talk to who is at the device; in two minutes you may ask again."],
	"no-answer": ["Nobody at the device answered.", "Somebody has to be there and agree; in two minutes you may ask again."],
	"asked-already": ["The person at the device is being asked already.", "Wait for that answer, and open it again."],
	typing: ["Nobody at the device can be asked while somebody types there.", later],
	stopped: ["The person at the device ended the session.", "Talk to them first; in two minutes you may ask again."],
	"nobody-to-ask": ["Somebody at the device has to agree, and nobody can be asked there.", "Open it when somebody is logged in at its screen."],
	"not-asked": ["Somebody at the device has to agree, and the question could not be shown there.", "Open it again; the device's own log has the reason."],
	"only-view": ["Only looking is granted here.", "An admin can grant control in the policy."],
	"display-ended": ["The display has ended.", "Choose another, or wait for it."],

	wayland: ["A Wayland session runs on the device, and Wayland cannot be looked at yet.", "Somebody has to log in there with an X11 session: “Xorg” on the login screen."],
	"no-server": ["Nobody is logged in on the device with a graphical session.", x11],
	"no-display": (name) => [`The device has no display ${name}, nor any other.`, x11],
	"other-displays": (name, others) => [`The device has no display ${name}.`, `Choose one that it has: ${others}.`],
	"display-refused": (said) => [`The display lets nobody in: ${said}.`, "Run the node there as root, or as the user whose display it is."],
	depth: (bits) => [`The display has ${bits} bits a pixel, in an order that is not supported.`, "Set it to 24 bits a pixel there."],
	"no-damage": (name) => [`The device's X server has no ${name} extension, so nobody tells what is painted.`, "Turn that extension on there."],
	"too-large": (width, height) => [`The display has ${width} × ${height} pixels, more than is supported.`, "Choose a smaller size there."],
	"no-system": ["The screens of this device's system cannot be looked at yet.", "A terminal may do."],
	"no-xvfb": ["The device has no display, and Xvfb for a virtual one is not installed.", "Install it there: apt install xvfb openbox, or dnf install xorg-x11-server-Xvfb openbox."],
	"no-windows": ["The device has no display, and a window manager for a virtual one is not installed.", "Install one there: apt install openbox, or dnf install openbox."],
	"virtual-as-node": (user) => [
		`The device has no display, and a virtual one would run as ${user}, like the node itself, which it was not told to do.`,
		`Restart the node there with warren up --desktop-user ${user}.`,
	],
	"virtual-as-whom": ["The device has no display. Its node runs as root, and was not told as whom a virtual one may run.", asUser],
	"virtual-no-user": (user) => [`The user ${user}, as whom virtual displays run, is not on the device.`, asUser],
	"virtual-root": ["Virtual displays do not run as root.", "Restart the node there with warren up --desktop-user NAME, of another user."],
	"virtual-failed": (said) => [`The virtual display did not start: ${said}.`, "Open it again; the device's own log has more."],
	"virtual-on-linux": ["Virtual displays are made on Linux only.", "Somebody has to be logged in there."],

	"no-input": (name) => [`Keyboard and pointer cannot be used: the X server has no ${name} extension.`],
	"no-resize": ["The display cannot be fitted to your window: its server has no RandR."],
	"fixed-size": ["The display's server cannot change its size."],
	"refused-size": ["The display's server refuses that size."],
	"several-monitors": ["The display has several monitors, and their sizes stay."],
	"real-monitor": (name) => [`The display is shown on a monitor (${name}), whose size stays.`],
	"view-keeps-size": ["The display keeps its size: only looking is granted here."],
	"no-monitor": (n) => [`There is no monitor ${n}; all are shown.`],
	"no-copy-in": ["The policy lets nothing be copied to this device."],
	"copy-too-large": (mib) => [`What you copied is larger than ${mib} MiB and was not taken to the device.`],
	"too-many-copies": (n) => [`That is more than ${n} copies in a minute.`, later],
	"copy-stays-there": (mib) => [`What was copied on the device is larger than ${mib} MiB and stays there.`],
	"slow-pictures": ["Pictures are taken slowly: the X server cannot reach the node's memory."],
	"let-go-of-key": ["The connection was interrupted, so the device let go of the key that you held.", "Press it again."],
	"let-go-of-button": ["The connection was interrupted, so the device let go of the mouse button that you held.", "Press it again; take a drag anew."],
	"no-special": (name) => [`“${name}” is no combination of keys.`],
	other: (said) => [said ?? ""],

	exact: ["Every pixel is sent as it is."],
	"exact-asked": ["Every pixel is sent as it is, as you asked for."],
	"video-asked": ["You asked for video."],
	allowed: (mbit) => [`${mbit} Mbit/s are allowed, and every pixel of what moves would take more.`],
	carries: (mbit) => [`The link carries ${mbit} Mbit/s, and every pixel of what moves would take more.`],
	"falls-behind": ["The link does not carry every pixel of what moves."],
	took: (mbit) => [`Every pixel of what moves took ${mbit} Mbit/s in the last second.`],
	"fewer-pixels": (percent) => [`The video has ${percent} % of its width and height, as more would take the device too long.`],
	"no-codecs": ["Every pixel is sent as it is: warren on the device was built without video codecs."],
	"video-failed": (said) => [`Every pixel is sent as it is, as video failed on the device: ${said}.`],

	"no-mesh": ["This machine is in no mesh yet.", "Found one here, or join one with a link."],
	waiting: (words) => [`This machine waits for approval; its words are: ${words}.`, "A technician has to compare them and let it in."],
	starting: ["The node is starting.", later],
	"no-device": (word) => [`There is no device “${word}” in this mesh.`],
	"many-devices": (word, n) => [`“${word}” names ${n} devices.`, "Give more of the id."],
	"device-revoked": (name) => [`${name} was revoked: the mesh trusts it no more.`, "It can only join anew, by an invite."],
	"device-offline": (name, code, ...args) => [`${name} is offline: ${because(code ?? "", args)}.`],
	"device-silent": (name) => [`${name} does not answer.`],
	"not-met": (name) => [`The policy does not let this machine meet ${name}.`, "An admin can change that in the policy."],
	"not-met-any-more": (name) => [`The policy does not let this machine meet ${name} any more.`, "An admin can change that in the policy."],
	"no-technician": ["No technician works from this machine.", "Do it where you joined as a technician."],
	"unknown-technician": ["The mesh does not know this machine's technician yet.", later],
	"other-users-key": ["The technician's key on this machine belongs to another user.", "Do it as that user, or as root."],
	"technician-revoked": (name) => [`The technician ${name} was revoked.`, "An admin can invite you anew."],

	"no-grant": ["The policy grants you nothing on this device.", "An admin can change that in the policy."],
	"no-grant-verb": (verb) => [`The policy does not grant you “${verb}” on this device.`, "An admin can change that in the policy."],
	"no-grant-user": (verb, user) => [`The policy does not grant you “${verb}” as the user ${user} on this device.`, "Take another user, or ask an admin."],
	"not-offered": (verb) => [`This device does not offer “${verb}”.`, "Its warren may be of an older version."],
	"no-user": (user) => [`This device has no user ${user}.`, "Take another user."],
	"no-login": (user) => [`The user ${user} may not log in on this device.`, "Take another user."],
	"own-user-only": (own, user) => [`The node there runs without root and offers its own user ${own} only, not ${user}.`, `Take the user ${own}.`],
	"not-supported": (verb) => [`This device's system does not support “${verb}”.`],
	"offer-refused": ["The device refused the request.", "Its own log has the reason."],
	"answer-refused": ["The device's answer does not prove that it comes from it, so it was not taken.", "Look at the device itself."],
	"device-busy": ["The device takes no further sessions just now.", later],
	"no-connection": ["No connection to the device came about.", later],
	"connection-lost": ["The connection was lost.", later],
	"session-revoked": ["Your right to this session was taken away.", "An admin can grant it again, in the policy; a machine or person that was revoked has to join anew."],
	"session-stopped": ["The device's node was stopped.", "Open it again when it runs."],
	"session-failed": ["The session failed on the device.", "Open it again; the device's own log has the reason."],
	"ended-there": ["The session was ended on the device.", "Somebody with access to it did that; talk to them before you open it again."],
	"ended-here": ["The session was ended from this machine.", "Open it again when you need it."],
	"console-over": ["Your time in the console has ended, and this with it.", "Run warren console on this machine, then open it again."],
	"not-let-in": ["This page is not let in, or not any more.", "Run warren console on this machine."],
	"too-many-open": (n) => [`${n} of them are open on this machine, which is the most.`, "Close one."],
	"too-many-requests": ["That was too much at once.", later],

	"makes-admin": ["This makes an admin: all rights on every machine."],
	"name-taken": ["The mesh has a machine of that name already."],
} satisfies Record<string, Sentence>;

export type Said = Record<keyof typeof said, Sentence>;
export type Why = Record<keyof typeof why, Reason>;
