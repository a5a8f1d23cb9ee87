//go:build linux || darwin

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// look checks the JSON that the last verb printed:
//
//	json PATH = VALUE       a text, or JSON for anything else
//	json PATH ~ REGEXP      likewise
//	json PATH len N         a list, an object or a text of that size
//	json PATH keys K K ...  exactly these keys; of each object, in a list
//	json PATH > NAME        puts the value in $NAME
//
// PATH is like .node.addresses[0]; . is the whole, [name=web] the first
// element of a list whose name is web.
func look(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "json PATH =|~|len|keys|> ...")
	path, op, rest := args[0], args[1], args[2:]
	var doc any
	if err := json.Unmarshal([]byte(of(ts).last), &doc); err != nil {
		ts.Fatalf("no JSON: %v\n%s", err, of(ts).last)
	}
	v, err := at(doc, path)
	if err != nil {
		ts.Fatalf("%s: %v in\n%s", path, err, of(ts).last)
	}
	want := strings.Join(rest, " ")
	switch op {
	case "=":
		if got := plain(v); got != want {
			ts.Fatalf("%s is %s, want %s", path, got, want)
		}
	case "~":
		if !compile(ts, want).MatchString(plain(v)) {
			ts.Fatalf("%s is %s, want a match for %q", path, plain(v), want)
		}
	case "len":
		if got := strconv.Itoa(lengthOf(v)); got != want {
			ts.Fatalf("%s has length %s, want %s: %s", path, got, want, plain(v))
		}
	case "keys":
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		if len(list) == 0 {
			ts.Fatalf("%s is empty", path)
		}
		slices.Sort(rest)
		for _, one := range list {
			object, _ := one.(map[string]any)
			if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, rest) {
				ts.Fatalf("%s has the keys %v, want %v", path, got, rest)
			}
		}
	case ">":
		ts.Setenv(want, plain(v))
	default:
		ts.Fatalf("json: unknown operation %q", op)
	}
}

func lengthOf(v any) int {
	switch v := v.(type) {
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	case string:
		return len(v)
	}
	return -1
}

// plain is a text as it is, and anything else as JSON.
func plain(v any) string {
	if s, isText := v.(string); isText {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func at(v any, path string) (any, error) {
	for path = strings.TrimPrefix(path, "."); path != ""; path = strings.TrimPrefix(path, ".") {
		if inner, isIndex := strings.CutPrefix(path, "["); isIndex {
			index, rest, _ := strings.Cut(inner, "]")
			next, err := element(v, index)
			if err != nil {
				return nil, err
			}
			v, path = next, rest
			continue
		}
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		object, _ := v.(map[string]any)
		next, found := object[path[:end]]
		if !found {
			return nil, fmt.Errorf("no %q", path[:end])
		}
		v, path = next, path[end:]
	}
	return v, nil
}

func element(v any, index string) (any, error) {
	list, _ := v.([]any)
	if key, want, isMatch := strings.Cut(index, "="); isMatch {
		for _, one := range list {
			if object, isObject := one.(map[string]any); isObject && plain(object[key]) == want {
				return one, nil
			}
		}
		return nil, fmt.Errorf("no element with %s", index)
	}
	n, err := strconv.Atoi(index)
	if err != nil || n < 0 || n >= len(list) {
		return nil, fmt.Errorf("no element %s", index)
	}
	return list[n], nil
}
