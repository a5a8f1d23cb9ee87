package invite

// Checksum lets tests make up a link.
func Checksum(body []byte) []byte { return checksum(body) }

// Words are the words of phrases.
func Words() []string { return words() }
