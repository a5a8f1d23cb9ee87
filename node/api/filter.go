package api

import (
	"fmt"
	"time"

	"cel.dev/cel-go/cel"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
)

// maxFilter bounds a device expression, in bytes.
const maxFilter = 4 << 10

// compileFilter reads a CEL expression over the variable device, whose fields
// are those of "devices --json". An empty one matches all. An error while it
// runs, a missing key say, is the caller's: it is shown, not taken for false.
func compileFilter(text string) (func(*warrenv1.Device) (bool, error), error) {
	if text == "" {
		return func(*warrenv1.Device) (bool, error) { return true, nil }, nil
	}
	if len(text) > maxFilter {
		return nil, fault.New(fault.Invalid, "the expression has %d bytes, at most %d", len(text), maxFilter).Try("several shorter ones")
	}
	env, err := cel.NewEnv(cel.Variable("device", cel.MapType(cel.StringType, cel.DynType)))
	if err != nil {
		return nil, fmt.Errorf("prepare expressions: %w", err)
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		first := issues.Errors()[0] // the library's own text draws a picture over several lines
		return nil, fault.New(fault.Invalid, "the expression: %s, at character %d", first.Message, first.Location.Column()+1).
			Try(`device.role == "device"`)
	}
	program, err := env.Program(ast, cel.CostLimit(100_000))
	if err != nil {
		return nil, fault.New(fault.Invalid, "the expression: %w", err).Try(`device.role == "device"`)
	}
	return func(d *warrenv1.Device) (bool, error) {
		out, _, err := program.Eval(map[string]any{"device": fields(d)})
		if err != nil {
			return false, fault.New(fault.Invalid, "the expression, on %q: %w", d.GetName(), err).Try("device.FIELD as in warren devices --json")
		}
		match, ok := out.Value().(bool)
		if !ok {
			return false, fault.New(fault.Invalid, "the expression gives %s, not true or false", out.Type().TypeName()).Try(`device.role == "device"`)
		}
		return match, nil
	}, nil
}

func fields(d *warrenv1.Device) map[string]any {
	return map[string]any{
		"id": d.GetId(), "name": d.GetName(), "role": d.GetRole(), "addresses": d.GetAddresses(),
		"tags": d.GetTags(), "site": d.GetSite(), "customer": d.GetCustomer(),
		"ownership": d.GetOwnership(), "owner": d.GetOwner(), "online": d.GetOnline(), "revoked": d.GetRevoked(),
		"joined": instant(d.GetJoined()), "expires": instant(d.GetExpires()),
	}
}

func instant(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
