import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, indentUnit } from "@codemirror/language";
import { unifiedMergeView } from "@codemirror/merge";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension, StateEffect, StateField } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { type ReactElement, useEffect, useRef } from "react";
import { hujsonSupport } from "./hujson";

const look = EditorView.theme({
	"&": { height: "100%", color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "13px" },
	".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", overflow: "auto" },
	".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--text-3)", border: "none", paddingRight: "4px" },
	".cm-content": { caretColor: "var(--accent)", padding: "10px 0" },
	".cm-cursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
	"&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
	".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
		backgroundColor: "color-mix(in srgb, var(--accent) 25%, transparent)",
	},
	".cm-wrong": { backgroundColor: "var(--bad-soft)", boxShadow: "inset 3px 0 var(--bad-dot)" },
	".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--text)" },
	".cm-changedLine": { backgroundColor: "var(--ok-soft)" },
	".cm-changedLine *": { color: "var(--text) !important" },
	".cm-deletedChunk": { backgroundColor: "var(--bad-soft)" },
	".cm-deletedChunk *": { color: "var(--text) !important", textDecoration: "none" },
	"& .cm-changedText, & .cm-deletedChunk .cm-deletedText": {
		background: "none",
		boxShadow: "inset 0 -2px color-mix(in srgb, var(--text) 45%, transparent)",
	},
	".cm-collapsedLines": { backgroundColor: "var(--sunken)", color: "var(--text-2)", backgroundImage: "none" },
	".cm-changeGutter": { width: "3px", paddingLeft: "1px" },
});

const mark = StateEffect.define<number>();
const wrong = Decoration.line({ class: "cm-wrong" });
const marked = StateField.define({
	create: () => Decoration.none,
	update(set, change) {
		set = change.docChanged ? Decoration.none : set.map(change.changes);
		for (const e of change.effects) {
			if (e.is(mark)) {
				const at = e.value;
				set =
					at >= 1 && at <= change.state.doc.lines
						? Decoration.set(wrong.range(change.state.doc.line(at).from))
						: Decoration.none;
			}
		}
		return set;
	},
	provide: (f) => EditorView.decorations.from(f),
});

/**
 * CodeMirror in a shadow root: there its style sheets are constructable ones,
 * which the policy of the pages allows, and not <style> elements.
 */
export function Editor(props: {
	text: string;
	label: string;
	change?: (text: string) => void;
	/** Shows how text differs from this; then it cannot be changed. */
	against?: string;
	/** A line to look at; 0 is none. */
	wrongLine?: number;
}): ReactElement {
	const host = useRef<HTMLDivElement>(null);
	const view = useRef<EditorView>(null);
	const change = useRef(props.change);
	change.current = props.change;

	useEffect(() => {
		const el = host.current;
		if (el === null) {
			return;
		}
		const root = el.shadowRoot ?? el.attachShadow({ mode: "open" });
		const box = document.createElement("div");
		box.style.cssText = "height:100%";
		root.replaceChildren(box);
		const extensions: Extension[] = [
			lineNumbers(),
			history(),
			drawSelection(),
			bracketMatching(),
			highlightSelectionMatches(),
			search({ top: true }),
			indentUnit.of("\t"),
			EditorState.tabSize.of(4),
			keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
			EditorView.lineWrapping,
			EditorView.contentAttributes.of({ "aria-label": props.label }),
			hujsonSupport,
			look,
			marked,
			EditorView.updateListener.of((u) => u.docChanged && change.current?.(u.state.doc.toString())),
		];
		if (props.against !== undefined) {
			extensions.push(
				EditorState.readOnly.of(true),
				unifiedMergeView({ original: props.against, mergeControls: false, collapseUnchanged: { margin: 3 } }),
			);
		} else if (props.change === undefined) {
			extensions.push(EditorState.readOnly.of(true));
		}
		const made = new EditorView({ doc: props.text, extensions, parent: box, root });
		made.scrollDOM.tabIndex = 0;
		view.current = made;
		return () => made.destroy();
		// Text and lines are brought in below; the rest makes another editor.
	}, [props.against, props.label, props.change === undefined]);

	useEffect(() => {
		const v = view.current;
		if (v !== null && v.state.doc.toString() !== props.text) {
			v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: props.text } });
		}
	}, [props.text]);

	useEffect(() => {
		const v = view.current;
		const at = props.wrongLine ?? 0;
		if (v !== null) {
			const line = at >= 1 && at <= v.state.doc.lines ? v.state.doc.line(at) : undefined;
			v.dispatch({
				effects: line === undefined ? mark.of(at) : [mark.of(at), EditorView.scrollIntoView(line.from, { y: "center" })],
			});
		}
	}, [props.wrongLine]);

	return <div className="editor-host" ref={host} />;
}
