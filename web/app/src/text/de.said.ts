import type { Said, Why } from "./en.said";

const x11 = "Melden Sie sich dort mit einer X11-Sitzung an, oder starten Sie dort warren up --desktop-user NAME, für eine Anzeige auf Abruf.";
const later = "Versuchen Sie es gleich noch einmal.";
const asUser = "Starten Sie den Knoten dort neu, mit warren up --desktop-user NAME.";
const policy = "Ein Admin kann das in der Richtlinie ändern.";

export const why: Why = {
	"not-up": () => "es war noch nie in Betrieb",
	"no-address": () => "es hat noch keine Adresse genannt",
	"no-tunnel": () => "der Tunnel dorthin ist noch nicht aufgebaut",
	"no-pong": (n) => `keine Antwort von ${addresses(n)}`,
	"no-pong-nor-member": (n) => `keine Antwort von ${addresses(n)}, und kein Mitglied, das andere erreichen, bringt die beiden zusammen`,
	"no-pong-nor-there": (n, member) => `keine Antwort von ${addresses(n)}, auch nicht über ${member}, wo es zuletzt war`,
	"no-pong-nor-home": (n) => `keine Antwort von ${addresses(n)}, und es wartet bei keinem Mitglied, das vermittelt`,
};

function addresses(n: string | undefined): string {
	return n === "1" ? "seiner einen bekannten Adresse" : `seinen ${n} bekannten Adressen`;
}

const comma = (n: string | undefined): string => (n ?? "").replace(".", ",");

const because = (code: string, args: string[]): string =>
	Object.hasOwn(why, code) ? why[code as keyof Why](...args) : "es gibt keinen Weg dorthin";

export const said: Said = {
	"said-no": ["Die Person am Gerät hat abgelehnt.", "Sprechen Sie zuerst mit ihr; in zwei Minuten dürfen Sie noch einmal fragen."],
	"just-said-no": ["Eben wurde abgelehnt oder nicht geantwortet.", "Sprechen Sie mit der Person am Gerät; in zwei Minuten dürfen Sie noch einmal fragen."],
	"no-answer": ["Am Gerät hat niemand geantwortet.", "Jemand muss dort sein und zustimmen; in zwei Minuten dürfen Sie noch einmal fragen."],
	"asked-already": ["Die Person am Gerät wird bereits gefragt.", "Warten Sie diese Antwort ab, und öffnen Sie neu."],
	typing: ["Am Gerät kann niemand gefragt werden, solange dort jemand tippt.", later],
	stopped: ["Die Person am Gerät hat die Sitzung beendet.", "Sprechen Sie zuerst mit ihr; in zwei Minuten dürfen Sie noch einmal fragen."],
	"nobody-to-ask": ["Jemand am Gerät muss zustimmen, und dort kann niemand gefragt werden.", "Öffnen Sie neu, wenn jemand am Bildschirm angemeldet ist."],
	"not-asked": ["Jemand am Gerät muss zustimmen, und die Frage ließ sich dort nicht zeigen.", "Öffnen Sie neu; warum, steht im Log des Geräts."],
	"only-view": ["Hier ist nur das Zusehen erlaubt.", "Ein Admin kann in der Richtlinie mehr erlauben (control)."],
	"display-ended": ["Die Anzeige gibt es nicht mehr.", "Wählen Sie eine andere, oder warten Sie auf sie."],

	wayland: ["Auf dem Gerät läuft eine Wayland-Sitzung; Wayland lässt sich noch nicht ansehen.", "Dort muss sich jemand mit einer X11-Sitzung anmelden: „Xorg“ auf dem Anmeldebildschirm."],
	"no-server": ["Am Gerät ist niemand mit grafischer Oberfläche angemeldet.", x11],
	"no-display": (name) => [`Das Gerät hat keine Anzeige ${name} und auch keine andere.`, x11],
	"other-displays": (name, others) => [`Das Gerät hat keine Anzeige ${name}.`, `Wählen Sie eine, die es hat: ${others}.`],
	"display-refused": (words) => [`Die Anzeige lässt niemanden zu: ${words}.`, "Starten Sie den Knoten dort als root oder als der Benutzer, dem die Anzeige gehört."],
	depth: (bits) => [`Die Anzeige hat ${bits} Bit je Bildpunkt, in einer Reihenfolge, die nicht unterstützt wird.`, "Stellen Sie sie dort auf 24 Bit je Bildpunkt."],
	"no-damage": (name) => [`Dem X-Server des Geräts fehlt die Erweiterung ${name}; so erfährt niemand, was sich ändert.`, "Schalten Sie sie dort ein."],
	"too-large": (width, height) => [`Die Anzeige hat ${width} × ${height} Bildpunkte, mehr als unterstützt wird.`, "Wählen Sie dort eine kleinere Größe."],
	"no-system": ["Bildschirme dieses Systems lassen sich noch nicht ansehen.", "Vielleicht genügt ein Terminal."],
	"no-xvfb": ["Das Gerät hat keine Anzeige, und Xvfb für eine virtuelle ist nicht installiert.", "Installieren Sie es dort: apt install xvfb openbox, oder dnf install xorg-x11-server-Xvfb openbox."],
	"no-windows": ["Das Gerät hat keine Anzeige, und ein Fenstermanager für eine virtuelle ist nicht installiert.", "Installieren Sie dort einen: apt install openbox, oder dnf install openbox."],
	"virtual-as-node": (user) => [
		`Das Gerät hat keine Anzeige, und eine virtuelle liefe als ${user}, wie der Knoten selbst; das wurde ihm nicht erlaubt.`,
		`Starten Sie den Knoten dort neu, mit warren up --desktop-user ${user}.`,
	],
	"virtual-as-whom": ["Das Gerät hat keine Anzeige. Sein Knoten läuft als root, und ihm wurde nicht gesagt, als wer eine virtuelle laufen darf.", asUser],
	"virtual-no-user": (user) => [`Den Benutzer ${user}, als der virtuelle Anzeigen laufen sollen, gibt es auf dem Gerät nicht.`, asUser],
	"virtual-root": ["Virtuelle Anzeigen laufen nicht als root.", "Starten Sie den Knoten dort neu, mit warren up --desktop-user NAME und einem anderen Benutzer."],
	"virtual-failed": (words) => [`Die virtuelle Anzeige ist nicht gestartet: ${words}.`, "Öffnen Sie neu; mehr steht im Log des Geräts."],
	"virtual-on-linux": ["Virtuelle Anzeigen gibt es nur unter Linux.", "Dort muss jemand angemeldet sein."],

	"no-input": (name) => [`Tastatur und Zeiger gehen nicht: Dem X-Server fehlt die Erweiterung ${name}.`],
	"no-resize": ["Die Anzeige lässt sich nicht an Ihr Fenster anpassen: Ihr Server hat kein RandR."],
	"fixed-size": ["Der Server der Anzeige kann ihre Größe nicht ändern."],
	"refused-size": ["Der Server der Anzeige nimmt diese Größe nicht an."],
	"several-monitors": ["Die Anzeige hat mehrere Monitore, und deren Größen bleiben."],
	"real-monitor": (name) => [`Die Anzeige ist auf einem Monitor zu sehen (${name}), dessen Größe bleibt.`],
	"view-keeps-size": ["Die Anzeige behält ihre Größe: Hier ist nur das Zusehen erlaubt."],
	"no-monitor": (n) => [`Einen Monitor ${n} gibt es nicht; zu sehen sind alle.`],
	"no-copy-in": ["Die Richtlinie lässt nichts auf dieses Gerät kopieren."],
	"copy-too-large": (mib) => [`Was Sie kopiert haben, ist größer als ${mib} MiB und kam nicht auf das Gerät.`],
	"too-many-copies": (n) => [`Das sind mehr als ${n} Kopien in einer Minute.`, later],
	"copy-stays-there": (mib) => [`Was auf dem Gerät kopiert wurde, ist größer als ${mib} MiB und bleibt dort.`],
	"slow-pictures": ["Bilder kommen langsam zustande: Der X-Server erreicht den Speicher des Knotens nicht."],
	"let-go-of-key": ["Die Verbindung war unterbrochen; darum hat das Gerät die Taste losgelassen, die Sie hielten.", "Drücken Sie sie neu."],
	"let-go-of-button": ["Die Verbindung war unterbrochen; darum hat das Gerät die Maustaste losgelassen, die Sie hielten.", "Drücken Sie sie neu; beginnen Sie ein Ziehen von vorn."],
	"no-special": (name) => [`„${name}“ ist keine Tastenkombination.`],
	other: (words) => [words ?? ""],

	exact: ["Jeder Bildpunkt kommt, wie er ist."],
	"exact-asked": ["Jeder Bildpunkt kommt, wie er ist; so haben Sie es gewählt."],
	"video-asked": ["Sie haben Video gewählt."],
	allowed: (mbit) => [`Erlaubt sind ${comma(mbit)} Mbit/s; alles, was sich bewegt, verlustfrei zu senden, bräuchte mehr.`],
	carries: (mbit) => [`Die Verbindung trägt ${comma(mbit)} Mbit/s; alles, was sich bewegt, verlustfrei zu senden, bräuchte mehr.`],
	"falls-behind": ["Die Verbindung trägt nicht alles, was sich bewegt, verlustfrei."],
	took: (mbit) => [`Was sich bewegt, brauchte verlustfrei in der letzten Sekunde ${comma(mbit)} Mbit/s.`],
	"fewer-pixels": (percent) => [`Das Video hat ${percent} % seiner Breite und Höhe, denn mehr hielte das Gerät zu lange auf.`],
	"no-codecs": ["Jeder Bildpunkt kommt, wie er ist: warren wurde auf dem Gerät ohne Video-Codecs gebaut."],
	"video-failed": (words) => [`Jeder Bildpunkt kommt, wie er ist, denn auf dem Gerät schlug Video fehl: ${words}.`],

	"no-mesh": ["Diese Maschine ist noch in keinem Mesh.", "Gründen Sie hier eines, oder treten Sie mit einem Link bei."],
	waiting: (words) => [`Diese Maschine wartet auf Zustimmung; ihre Wörter sind: ${words}.`, "Ein Techniker muss sie vergleichen und sie einlassen."],
	starting: ["Der Knoten startet gerade.", later],
	"no-device": (word) => [`Ein Gerät „${word}“ gibt es in diesem Mesh nicht.`],
	"many-devices": (word, n) => [`„${word}“ passt auf ${n} Geräte.`, "Geben Sie mehr von der Kennung an."],
	"device-revoked": (name) => [`${name} wurde gesperrt; das Mesh vertraut dem Gerät nicht mehr.`, "Es kann nur neu beitreten, mit einer Einladung."],
	"device-offline": (name, code, ...args) => [`${name} ist offline: ${because(code ?? "", args)}.`],
	"device-silent": (name) => [`${name} antwortet nicht.`],
	"not-met": (name) => [`Die Richtlinie lässt diese Maschine nicht zu ${name}.`, policy],
	"not-met-any-more": (name) => [`Die Richtlinie lässt diese Maschine nicht mehr zu ${name}.`, policy],
	"no-technician": ["Von dieser Maschine arbeitet kein Techniker.", "Tun Sie es dort, wo Sie als Techniker beigetreten sind."],
	"unknown-technician": ["Das Mesh kennt den Techniker dieser Maschine noch nicht.", later],
	"other-users-key": ["Der Technikerschlüssel auf dieser Maschine gehört einem anderen Benutzer.", "Tun Sie es als dieser Benutzer oder als root."],
	"technician-revoked": (name) => [`Der Techniker ${name} wurde gesperrt.`, "Ein Admin kann Sie neu einladen."],

	"no-grant": ["Die Richtlinie erlaubt Ihnen auf diesem Gerät nichts.", policy],
	"no-grant-verb": (verb) => [`Die Richtlinie erlaubt Ihnen „${verb}“ auf diesem Gerät nicht.`, policy],
	"no-grant-user": (verb, user) => [`Die Richtlinie erlaubt Ihnen „${verb}“ als Benutzer ${user} auf diesem Gerät nicht.`, "Nehmen Sie einen anderen Benutzer, oder fragen Sie einen Admin."],
	"not-offered": (verb) => [`Dieses Gerät bietet „${verb}“ nicht an.`, "Vielleicht ist sein warren älter."],
	"no-user": (user) => [`Den Benutzer ${user} gibt es auf diesem Gerät nicht.`, "Nehmen Sie einen anderen Benutzer."],
	"no-login": (user) => [`Der Benutzer ${user} darf sich auf diesem Gerät nicht anmelden.`, "Nehmen Sie einen anderen Benutzer."],
	"own-user-only": (own, user) => [`Der Knoten dort läuft ohne root und bietet nur seinen eigenen Benutzer ${own} an, nicht ${user}.`, `Nehmen Sie den Benutzer ${own}.`],
	"not-supported": (verb) => [`Das System dieses Geräts unterstützt „${verb}“ nicht.`],
	"offer-refused": ["Das Gerät hat die Anfrage abgelehnt.", "Warum, steht in seinem Log."],
	"answer-refused": ["Die Antwort des Geräts beweist nicht, dass sie von ihm stammt; darum wurde sie nicht angenommen.", "Sehen Sie am Gerät selbst nach."],
	"device-busy": ["Das Gerät nimmt im Moment keine weiteren Sitzungen an.", later],
	"no-connection": ["Es kam keine Verbindung zum Gerät zustande.", later],
	"connection-lost": ["Die Verbindung ging verloren.", later],
	"session-revoked": ["Ihr Recht auf diese Sitzung wurde entzogen.", "Ein Admin kann es in der Richtlinie wieder gewähren; eine gesperrte Maschine oder Person muss neu beitreten."],
	"session-stopped": ["Der Knoten des Geräts wurde angehalten.", "Öffnen Sie neu, wenn er läuft."],
	"session-failed": ["Die Sitzung ist auf dem Gerät gescheitert.", "Öffnen Sie neu; warum, steht im Log des Geräts."],
	"ended-there": ["Die Sitzung wurde am Gerät beendet.", "Das war jemand mit Zugang zu ihm; klären Sie es, bevor Sie neu öffnen."],
	"ended-here": ["Die Sitzung wurde auf dieser Maschine beendet.", "Öffnen Sie neu, wenn Sie sie brauchen."],
	"console-over": ["Ihre Zeit in der Konsole ist um, und damit auch dies.", "Führen Sie auf diesem Rechner warren console aus, und öffnen Sie neu."],
	"not-let-in": ["Diese Seite hat keinen Zugang, oder nicht mehr.", "Führen Sie auf diesem Rechner warren console aus."],
	"too-many-open": (n) => [`Auf dieser Maschine sind davon ${n} offen, und mehr dürfen es nicht sein.`, "Schließen Sie eines."],
	"too-many-requests": ["Das war zu viel auf einmal.", later],

	"makes-admin": ["Das macht einen Admin: alle Rechte auf jeder Maschine."],
	"name-taken": ["Eine Maschine dieses Namens hat das Mesh schon."],
};
