package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
)

// Bounds of a page's messages, in bytes; maxMessage is a terminal's later ones.
const (
	maxFirst   = 8 << 10
	maxMessage = 64 << 10
	maxWord    = 512
)

var errMessage = errors.New("not a message of a page")

// first is what a page begins with.
type first struct {
	Bearer string `json:"bearer"`
	Open   struct {
		Device  string `json:"device"`
		User    string `json:"user"`
		Columns uint32 `json:"columns"`
		Rows    uint32 `json:"rows"`
		Term    string `json:"term"`
	} `json:"open"`
}

// readFirst reads a page's first message.
func readFirst(text []byte) (first, error) {
	var m first
	if err := readShort(text, &m); err != nil {
		return m, err
	}
	if tooLong(m.Bearer, m.Open.Device, m.Open.User, m.Open.Term) {
		return m, errMessage
	}
	if m.Bearer == "" || m.Open.Device == "" {
		return m, errMessage
	}
	return m, nil
}

func (m first) open() *warrenv1.ShellOpen {
	return &warrenv1.ShellOpen{
		Device: m.Open.Device, User: m.Open.User, Terminal: true, Term: m.Open.Term,
		Window: &warrenv1.WindowSize{Columns: m.Open.Columns, Rows: m.Open.Rows},
	}
}

// readControl reads a later text message: one of window, acked and a bearer
// that prolongs the terminal's time.
func readControl(text []byte) (in *warrenv1.ShellInput, bearer string, err error) {
	var m struct {
		Window *struct {
			Columns uint32 `json:"columns"`
			Rows    uint32 `json:"rows"`
		} `json:"window"`
		Acked  *uint64 `json:"acked"`
		Bearer string  `json:"bearer"`
	}
	if err := readJSON(text, &m); err != nil {
		return nil, "", err
	}
	switch {
	case m.Bearer != "" && m.Window == nil && m.Acked == nil && len(m.Bearer) <= maxWord:
		return nil, m.Bearer, nil
	case m.Bearer != "":
		return nil, "", errMessage
	case m.Window != nil && m.Acked == nil:
		return &warrenv1.ShellInput{Input: &warrenv1.ShellInput_Window{
			Window: &warrenv1.WindowSize{Columns: min(m.Window.Columns, maxSide), Rows: min(m.Window.Rows, maxSide)},
		}}, "", nil
	case m.Acked != nil && m.Window == nil:
		return &warrenv1.ShellInput{Input: &warrenv1.ShellInput_Acked{Acked: *m.Acked}}, "", nil
	}
	return nil, "", errMessage
}

// maxSide bounds the columns and rows that are passed on.
const maxSide = 10_000

// readShort reads a first message.
func readShort(text []byte, into any) error {
	if len(text) > maxFirst {
		return errMessage
	}
	return readJSON(text, into)
}

func tooLong(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return len(w) > maxWord })
}

// readJSON reads one object whose fields are all known.
func readJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", errMessage, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errMessage
	}
	return nil
}

// write gives an output as a message: bytes of the terminal, or text.
func write(out *warrenv1.ShellOutput) (data []byte, binary bool, err error) {
	var m any
	switch o := out.GetOutput().(type) {
	case *warrenv1.ShellOutput_Stdout:
		return o.Stdout, true, nil
	case *warrenv1.ShellOutput_Stderr:
		return o.Stderr, true, nil
	case *warrenv1.ShellOutput_Opened:
		path, err := protojson.Marshal(o.Opened.GetPath())
		if err != nil {
			return nil, false, fmt.Errorf("encode path: %w", err)
		}
		m = map[string]any{"opened": map[string]any{
			"session": o.Opened.GetSession(), "osUser": o.Opened.GetOsUser(), "path": json.RawMessage(path),
		}}
	case *warrenv1.ShellOutput_Exit:
		m = map[string]any{"exit": map[string]any{"code": o.Exit.GetCode(), "signal": o.Exit.GetSignal()}}
	case *warrenv1.ShellOutput_Acked:
		m = map[string]any{"taken": o.Acked}
	case *warrenv1.ShellOutput_Path:
		path, err := protojson.Marshal(o.Path)
		if err != nil {
			return nil, false, fmt.Errorf("encode path: %w", err)
		}
		m = map[string]any{"path": json.RawMessage(path)}
	default:
		return nil, false, fmt.Errorf("output of %T: %w", o, errMessage)
	}
	data, err = json.Marshal(m)
	return data, false, err
}

// writeError gives an error as a message.
func writeError(err error) []byte {
	f := fault.Of(err)
	told := map[string]any{"kind": f.Kind.String(), "message": f.Error(), "hint": f.Hint, "id": f.ID}
	if said := f.Said.Wire(); said != nil {
		told["said"] = said
	}
	data, _ := json.Marshal(map[string]any{"error": told})
	return data
}
