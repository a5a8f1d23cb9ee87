package policy

import "strings"

// Default is the text of the policy that a new mesh begins with: admins may do
// everything everywhere, and nothing else is allowed. owner is the founder's
// name as a technician; it stands in the comments only.
func Default(owner string) []byte {
	return []byte(strings.ReplaceAll(defaultText, "OWNER", owner))
}

const defaultText = `// Who may do what in this mesh. What no grant allows is denied.
//
//   warren policy show > policy.hujson     read it
//   warren policy check policy.hujson      find mistakes, run the tests below
//   warren policy apply policy.hujson      sign it and put it in force
//
// The mesh's own ports are always open. Machines that people own themselves
// (BYOD) ask before anybody looks, and refuse all else, whatever is written here.
{
	// Technicians by name, for use as "group:helpdesk" in src.
	// "groups": {"group:helpdesk": ["OWNER"]},

	"grants": [
		// Admins ("OWNER" to begin with) may do everything on every machine.
		// "*" is any OS user but root, so root is named.
		{"src": ["role:admin"], "dst": ["*"], "verbs": ["*"], "users": ["*", "root"]},

		// The screen of machines tagged "kiosk", once whoever is there agrees.
		// Verbs: shell view control files forward run ping.
		// {"src": ["group:helpdesk"], "dst": ["tag:kiosk"], "verbs": ["view", "control"], "consent": true, "clipboard": "both"},

		// Packets from machine to machine.
		// {"src": ["tag:web"], "dst": ["tag:db"], "ip": ["tcp:5432"]},
	],

	// Expectations. A policy that breaks one is refused.
	"tests": [
		// {"src": "OWNER", "verb": "shell", "user": "root", "allow": ["role:controller"]},
		// {"src": "tag:web", "ip": "tcp:22", "deny": ["tag:db"]},
	],
}
`
