// Package docs is the manual: markdown as people read it in the repository,
// and the same as a small site that the program carries.
//
//	docs/*.md --embedded--> Handler --> /docs/, /docs/start, /docs/cli ...
//
// A page is made when it is first asked for and kept. There is no script; the
// policy allows the site's own style and nothing else. Links between pages of
// the manual lead on within the site, links to other files of the repository
// become plain words, and what leads elsewhere takes no referrer along.
//
// The markdown is ours, built in; HTML inside it is not passed through. Safe
// for concurrent use. The pages tell nothing of the machine that shows them,
// so they need no authority.
package docs
