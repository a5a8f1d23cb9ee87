package enrol

// Remembered is how many strangers' nonces a Desk holds.
func Remembered(d *Desk) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.nonces)
}
