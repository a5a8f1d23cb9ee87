import { type ButtonHTMLAttributes, type InputHTMLAttributes, type ReactElement, type ReactNode, useEffect, useId, useState } from "react";
import { type Problem, problemOf } from "../api/fault";
import { useNow } from "../lib/clock";
import { useLanguage } from "../lib/settings";
import { ago, whenMs } from "../lib/time";
import { useText } from "../text";
import { saidOf } from "../text/said";
import { Icon, type IconName } from "./Icon";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
	icon?: IconName;
	look?: "main" | "danger" | "danger-main" | "plain";
	slim?: boolean;
	children?: ReactNode;
};

const looks = { main: "main-act", danger: "danger", "danger-main": "danger main-act", plain: "plain" };

/** A button without children shows its icon alone, and needs a label. */
export function Button({ icon, look, slim, children, className, ...rest }: ButtonProps): ReactElement {
	const classes = ["btn", look && looks[look], slim && "slim", children === undefined && "square", className];
	return (
		<button type="button" className={classes.filter(Boolean).join(" ")} title={rest["aria-label"]} {...rest}>
			{icon && <Icon name={icon} size={slim ? 14 : 16} />}
			{children}
		</button>
	);
}

/** What somebody else named: text and nothing more, clipped, with a direction of its own. */
export function Name({ children, className }: { children: string; className?: string }): ReactElement {
	return (
		<bdi className={`name ${className ?? ""}`} title={children}>
			{children}
		</bdi>
	);
}

export type Tone = "ok" | "warn" | "bad" | "accent" | "off" | "";

export function Badge({ tone = "", children }: { tone?: Tone; children: ReactNode }): ReactElement {
	return <span className={`badge ${tone}`}>{children}</span>;
}

/** A dot means nothing to who cannot see it: the label says it. */
export function Dot({ tone, label }: { tone: Tone; label?: string }): ReactElement {
	return label === undefined ? (
		<span className={`dot ${tone}`} aria-hidden="true" />
	) : (
		<span className={`dot ${tone}`} role="img" aria-label={label} title={label} />
	);
}

export function Time({ ms }: { ms: number }): ReactElement {
	const language = useLanguage();
	const now = useNow(Math.abs(Date.now() - ms) < 90_000 ? 1000 : 20_000);
	return (
		<time className="nowrap" dateTime={ms > 0 ? new Date(ms).toISOString() : undefined} title={whenMs(ms, language)}>
			{ago(ms, now, language)}
		</time>
	);
}

export function Card(props: {
	title?: ReactNode;
	actions?: ReactNode;
	children: ReactNode;
	flush?: boolean;
	className?: string;
}): ReactElement {
	const id = useId();
	return (
		<section className={`card ${props.className ?? ""}`} aria-labelledby={props.title === undefined ? undefined : id}>
			{props.title !== undefined && (
				<header>
					<h2 id={id}>{props.title}</h2>
					{props.actions}
				</header>
			)}
			{props.flush ? props.children : <div className="body">{props.children}</div>}
		</section>
	);
}

export function PageHead(props: { title: ReactNode; sub?: ReactNode; actions?: ReactNode }): ReactElement {
	return (
		<div className="page-head">
			<div>
				<h1>{props.title}</h1>
				{props.sub !== undefined && <p>{props.sub}</p>}
			</div>
			{props.actions !== undefined && <div className="actions">{props.actions}</div>}
		</div>
	);
}

export function Empty(props: { icon: IconName; title: string; children?: ReactNode; action?: ReactNode }): ReactElement {
	return (
		<div className="empty">
			<Icon name={props.icon} size={28} />
			<strong>{props.title}</strong>
			{props.children !== undefined && <p>{props.children}</p>}
			{props.action}
		</div>
	);
}

export function Note({ tone, children }: { tone?: "ok" | "warn" | "bad"; children: ReactNode }): ReactElement {
	return (
		<div className={`note-box ${tone ?? ""}`} role={tone === "bad" ? "alert" : undefined}>
			{tone !== undefined && <Icon name={tone === "ok" ? "check" : "warn"} />}
			<div>{children}</div>
		</div>
	);
}

export function Fault({ error, again }: { error: unknown; again?: () => void }): ReactElement {
	return <Wrong problem={problemOf(error)} again={again} />;
}

/** What went wrong, what to do, and the id to ask about. */
export function Wrong(props: { problem: Problem; tone?: "warn" | "bad"; before?: string; again?: () => void }): ReactElement {
	const t = useText();
	const { problem: p, again } = props;
	const [what = p.message, next] = saidOf(p.said, t) ?? [];
	return (
		<Note tone={props.tone ?? "bad"}>
			{props.before !== undefined && `${props.before}: `}
			<bdi>{what}</bdi>
			{next !== undefined ? (
				<div>{next}</div>
			) : (
				p.hint !== "" && (
					<div>
						{t.common.try} <code>{p.hint}</code>
					</div>
				)
			)}
			<div className="small">{t.common.errorId(p.id)}</div>
			{again !== undefined && (
				<div>
					<Button slim look="plain" icon="refresh" onClick={again}>
						{t.common.again}
					</Button>
				</div>
			)}
		</Note>
	);
}

export function Loading({ rows = 4 }: { rows?: number }): ReactElement {
	const t = useText();
	return (
		<div className="loading" role="status" aria-label={t.common.loading}>
			{Array.from({ length: rows }, (_, i) => (
				<span key={i} className="skeleton" />
			))}
		</div>
	);
}

/** Shows a query: while it loads, where it failed, and what it gave. */
export function Await<T>(props: {
	query: { data: T | undefined; error: unknown; refetch: () => unknown };
	children: (data: T) => ReactNode;
	rows?: number;
}): ReactElement {
	const { data, error, refetch } = props.query;
	if (data !== undefined) {
		return <>{props.children(data)}</>;
	}
	if (error) {
		return (
			<div className="pad">
				<Fault error={error} again={() => void refetch()} />
			</div>
		);
	}
	return <Loading rows={props.rows} />;
}

export function Copy({ text, children }: { text: string; children?: ReactNode }): ReactElement {
	const t = useText();
	const [done, setDone] = useState(false);
	useEffect(() => {
		if (done) {
			const timer = setTimeout(() => setDone(false), 2000);
			return () => clearTimeout(timer);
		}
	}, [done]);
	const label = done ? t.common.copied : t.common.copy;
	return (
		<Button
			slim
			icon={done ? "check" : "copy"}
			aria-label={label}
			onClick={() => void navigator.clipboard.writeText(text).then(() => setDone(true))}
		>
			{children === undefined ? undefined : done ? t.common.copied : children}
		</Button>
	);
}

/** A line to type elsewhere, and to copy from here. */
export function Command({ text, link }: { text: string; link?: boolean }): ReactElement {
	return (
		<div className="command">
			<code className={link ? "link" : undefined} title={link ? text : undefined}>
				{text}
			</code>
			<Copy text={text} />
		</div>
	);
}

export function Field(props: {
	label: string;
	note?: ReactNode;
	children: (id: string, noteId: string | undefined) => ReactNode;
}): ReactElement {
	const id = useId();
	const noteId = props.note === undefined ? undefined : `${id}-note`;
	return (
		<div className="field">
			<label htmlFor={id}>{props.label}</label>
			{props.children(id, noteId)}
			{props.note !== undefined && (
				<span className="note" id={noteId}>
					{props.note}
				</span>
			)}
		</div>
	);
}

/** A field for one word or line; its input takes what an input takes. */
export function TextField(
	props: { label: string; note?: ReactNode; value: string; set: (v: string) => void } & InputHTMLAttributes<HTMLInputElement>,
): ReactElement {
	const { label, note, set, className, ...rest } = props;
	return (
		<Field label={label} note={note}>
			{(id, noteId) => (
				<input
					id={id}
					aria-describedby={noteId}
					className={`input ${className ?? ""}`}
					onChange={(e) => set(e.target.value)}
					autoComplete="off"
					spellCheck={false}
					{...rest}
				/>
			)}
		</Field>
	);
}

export function Search(props: { value: string; set: (v: string) => void; label: string }): ReactElement {
	return (
		<div className="search">
			<Icon name="search" />
			<input
				className="input"
				type="search"
				value={props.value}
				onChange={(e) => props.set(e.target.value)}
				placeholder={props.label}
				aria-label={props.label}
				data-filter
			/>
		</div>
	);
}
