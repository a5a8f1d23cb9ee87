import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

interface State {
	comment: boolean;
}

/** JSON with comments and trailing commas, as far as colours need to know it. */
const hujson = StreamLanguage.define<State>({
	startState: () => ({ comment: false }),
	token(stream, state) {
		if (state.comment) {
			state.comment = !stream.match(/^.*?\*\//);
			if (state.comment) {
				stream.skipToEnd();
			}
			return "comment";
		}
		if (stream.eatSpace()) {
			return null;
		}
		if (stream.match("//")) {
			stream.skipToEnd();
			return "comment";
		}
		if (stream.match("/*")) {
			state.comment = true;
			return "comment";
		}
		if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) {
			return stream.match(/^\s*:/, false) ? "propertyName" : "string";
		}
		if (stream.match(/^-?\d[\d.eE+-]*/)) {
			return "number";
		}
		if (stream.match(/^(?:true|false|null)\b/)) {
			return "keyword";
		}
		stream.next();
		return null;
	},
	languageData: { commentTokens: { line: "//" } },
});

const colours = HighlightStyle.define([
	{ tag: tags.comment, color: "var(--text-3)", fontStyle: "italic" },
	{ tag: tags.propertyName, color: "var(--accent-text)" },
	{ tag: tags.string, color: "var(--ok)" },
	{ tag: [tags.number, tags.keyword], color: "var(--warn)" },
]);

export const hujsonSupport = [hujson, syntaxHighlighting(colours)];
