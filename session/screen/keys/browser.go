package keys

import "unicode/utf8"

// place gives the keycode of a KeyboardEvent's code (UI Events
// KeyboardEvent code Values) on servers that number keys as Linux does, which
// is all of today's: evdev's number and 8.
func place(code string) (Keycode, bool) {
	for _, run := range []struct {
		first Keycode
		codes []string
	}{
		{9, []string{
			"Escape", "Digit1", "Digit2", "Digit3", "Digit4", "Digit5", "Digit6", "Digit7", "Digit8", "Digit9", "Digit0", "Minus", "Equal", "Backspace",
			"Tab", "KeyQ", "KeyW", "KeyE", "KeyR", "KeyT", "KeyY", "KeyU", "KeyI", "KeyO", "KeyP", "BracketLeft", "BracketRight", "Enter",
			"ControlLeft", "KeyA", "KeyS", "KeyD", "KeyF", "KeyG", "KeyH", "KeyJ", "KeyK", "KeyL", "Semicolon", "Quote", "Backquote",
			"ShiftLeft", "Backslash", "KeyZ", "KeyX", "KeyC", "KeyV", "KeyB", "KeyN", "KeyM", "Comma", "Period", "Slash", "ShiftRight",
			"NumpadMultiply", "AltLeft", "Space", "CapsLock", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "NumLock", "ScrollLock",
			"Numpad7", "Numpad8", "Numpad9", "NumpadSubtract", "Numpad4", "Numpad5", "Numpad6", "NumpadAdd", "Numpad1", "Numpad2", "Numpad3",
			"Numpad0", "NumpadDecimal", "Lang5", "IntlBackslash", "F11", "F12", "IntlRo", "Lang3", "Lang4", "Convert", "KanaMode", "NonConvert",
		}},
		{104, []string{"NumpadEnter", "ControlRight", "NumpadDivide", "PrintScreen", "AltRight"}},
		{110, []string{"Home", "ArrowUp", "PageUp", "ArrowLeft", "ArrowRight", "End", "ArrowDown", "PageDown", "Insert", "Delete"}},
		{121, []string{"AudioVolumeMute", "AudioVolumeDown", "AudioVolumeUp", "Power", "NumpadEqual"}},
		{127, []string{"Pause"}},
		{129, []string{"NumpadComma", "Lang1", "Lang2", "IntlYen", "MetaLeft", "MetaRight", "ContextMenu"}},
		{191, []string{"F13", "F14", "F15", "F16", "F17", "F18", "F19", "F20", "F21", "F22", "F23", "F24"}},
	} {
		for i, c := range run.codes {
			if c == code {
				return run.first + Keycode(i), true //nolint:gosec // the runs end below 256
			}
		}
	}
	return 0, false
}

// named gives the keysyms of a KeyboardEvent's key that is no character (UI
// Events KeyboardEvent key Values), the wanted one first.
func named(key, code string) []Keysym {
	right := len(code) > 5 && code[len(code)-5:] == "Right"
	pad := len(code) > 6 && code[:6] == "Numpad"
	side := func(left, other Keysym) []Keysym {
		if right {
			return []Keysym{other, left}
		}
		return []Keysym{left, other}
	}
	keypad := func(plain, onPad Keysym) []Keysym {
		if pad {
			return []Keysym{onPad, plain}
		}
		return []Keysym{plain}
	}
	switch key {
	case "Shift":
		return side(shiftL, shiftR)
	case "Control":
		return side(controlL, controlR)
	case "Alt":
		return side(altL, altR)
	case "Meta", "OS", "Super":
		return side(superL, superR)
	case "AltGraph":
		return []Keysym{isoLevel3, modeSwitch}
	case "Enter":
		return keypad(returnKey, 0xff8d)
	case "Home":
		return keypad(0xff50, 0xff95)
	case "ArrowLeft":
		return keypad(0xff51, 0xff96)
	case "ArrowUp":
		return keypad(0xff52, 0xff97)
	case "ArrowRight":
		return keypad(0xff53, 0xff98)
	case "ArrowDown":
		return keypad(0xff54, 0xff99)
	case "PageUp":
		return keypad(0xff55, 0xff9a)
	case "PageDown":
		return keypad(0xff56, 0xff9b)
	case "End":
		return keypad(0xff57, 0xff9c)
	case "Insert":
		return keypad(0xff63, 0xff9e)
	case "Delete":
		return keypad(0xffff, 0xff9f)
	case "Clear":
		return keypad(0xff0b, 0xff9d)
	case "Tab":
		return []Keysym{tab, 0xfe20} // with Shift it is ISO_Left_Tab
	}
	if s := functionKey(key); s != none {
		return []Keysym{s}
	}
	for _, one := range []struct {
		key    string
		keysym Keysym
	}{
		{"Backspace", backSpace},
		{"Escape", 0xff1b},
		{"Pause", 0xff13},
		{"ScrollLock", 0xff14},
		{"PrintScreen", 0xff61},
		{"ContextMenu", 0xff67},
		{"Undo", 0xff65},
		{"Redo", 0xff66},
		{"Find", 0xff68},
		{"Cancel", 0xff69},
		{"Help", 0xff6a},
		{"Convert", 0xff23},
		{"NonConvert", 0xff22},
		{"KanjiMode", 0xff21},
		{"Romaji", 0xff24},
		{"Hiragana", 0xff25},
		{"Katakana", 0xff26},
		{"HiraganaKatakana", 0xff27},
		{"Zenkaku", 0xff28},
		{"Hankaku", 0xff29},
		{"ZenkakuHankaku", 0xff2a},
		{"KanaMode", 0xff2d},
		{"Eisu", 0xff2f},
		{"Alphanumeric", 0xff30},
		{"HangulMode", 0xff31},
		{"HanjaMode", 0xff34},
		{"AudioVolumeDown", 0x1008ff11},
		{"AudioVolumeMute", 0x1008ff12},
		{"AudioVolumeUp", 0x1008ff13},
		{"MediaPlayPause", 0x1008ff14},
		{"MediaStop", 0x1008ff15},
		{"MediaTrackPrevious", 0x1008ff16},
		{"MediaTrackNext", 0x1008ff17},
		{"BrowserBack", 0x1008ff26},
		{"BrowserForward", 0x1008ff27},
	} {
		if one.key == key {
			return []Keysym{one.keysym}
		}
	}
	return nil
}

// functionKey gives the keysym of "F1" to "F35".
func functionKey(key string) Keysym {
	if len(key) < 2 || len(key) > 3 || key[0] != 'F' {
		return none
	}
	n := 0
	for _, c := range key[1:] {
		if c < '0' || c > '9' {
			return none
		}
		n = 10*n + int(c-'0')
	}
	if n < 1 || n > 35 {
		return none
	}
	return 0xffbd + Keysym(n) //nolint:gosec // 1 to 35
}

// character gives the one character that a key types, or 0.
func character(key string) rune {
	r, n := utf8.DecodeRuneInString(key)
	if n == 0 || n != len(key) || r == utf8.RuneError {
		return 0
	}
	return r
}

// onKeypad gives the keysym of a character as the keypad has it, or none.
func onKeypad(r rune) Keysym {
	switch {
	case r >= '0' && r <= '9':
		return 0xffb0 + Keysym(r-'0') //nolint:gosec // 0 to 9
	case r == '.':
		return 0xffae
	case r == ',':
		return 0xffac
	case r == '*':
		return 0xffaa
	case r == '+':
		return 0xffab
	case r == '-':
		return 0xffad
	case r == '/':
		return 0xffaf
	case r == '=':
		return 0xffbd
	}
	return none
}
