import { Dialog as Radix } from "radix-ui";
import { type ReactElement, type ReactNode, useRef, useState } from "react";
import { useAct } from "../lib/act";
import { useText } from "../text";
import { Button, Fault, TextField } from "./parts";

/** Gives the focus back to what had it, unless something else has taken it: Radix does so for triggers of its own alone. */
export function useFocusBack(open: boolean): (e: Event) => void {
	const was = useRef(false);
	const before = useRef<Element>(null);
	if (open !== was.current) {
		was.current = open;
		if (open) {
			// By the next effect a field of the dialog's has it.
			before.current = document.activeElement;
		}
	}
	return (e) => {
		e.preventDefault();
		if (document.activeElement === document.body && before.current instanceof HTMLElement) {
			before.current.focus();
		}
	};
}

/**
 * A dialog that keeps the focus and gives it back. Radix's own overlay locks
 * the scroll by an inline style sheet, which the policy of the pages forbids,
 * so the veil is ours; the page behind scrolls inside a box of its own.
 */
export function Dialog(props: {
	open: boolean;
	close: () => void;
	title: ReactNode;
	children: ReactNode;
	footer?: ReactNode;
	className?: string;
}): ReactElement {
	const t = useText();
	const focusBack = useFocusBack(props.open);
	return (
		<Radix.Root open={props.open} onOpenChange={(open) => !open && props.close()}>
			<Radix.Portal>
				<div className="veil" />
				<Radix.Content className={`dialog ${props.className ?? ""}`} aria-describedby={undefined} onCloseAutoFocus={focusBack}>
					<header>
						<Radix.Title asChild>
							<h2>{props.title}</h2>
						</Radix.Title>
						<Radix.Close asChild>
							<Button look="plain" slim icon="close" aria-label={t.common.close} />
						</Radix.Close>
					</header>
					<div className="body">{props.children}</div>
					{props.footer !== undefined && <footer>{props.footer}</footer>}
				</Radix.Content>
			</Radix.Portal>
		</Radix.Root>
	);
}

/**
 * Asks before something is done, for a reason too where there has to be one,
 * does it, and stays open where it failed.
 */
export function Confirm(props: {
	open: boolean;
	close: () => void;
	title: string;
	verb: string;
	danger?: boolean;
	reasoned?: boolean;
	act: (reason: string) => Promise<unknown>;
	children: ReactNode;
}): ReactElement {
	const t = useText();
	const { busy, error, run, forget } = useAct();
	const [text, setText] = useState("");
	const reason = text.trim();
	return (
		<Dialog
			open={props.open}
			close={() => {
				forget();
				props.close();
			}}
			title={props.title}
			footer={
				<>
					<Button onClick={props.close}>{t.common.cancel}</Button>
					<Button
						look={props.danger ? "danger-main" : "main"}
						disabled={busy || (props.reasoned && reason === "")}
						onClick={() => void run(() => props.act(reason).then(props.close))}
					>
						{props.verb}
					</Button>
				</>
			}
		>
			{props.children}
			{props.reasoned && <TextField label={t.common.reason} note={t.common.reasonNote} value={text} set={setText} spellCheck autoFocus />}
			{error !== null && <Fault error={error} />}
		</Dialog>
	);
}
