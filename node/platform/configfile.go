package platform

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"warren/node/fault"
)

const maxConfigFile = 64 << 10

// ReadConfig reads the configuration file at path. A file that is not there is
// an empty one. Errors are invalid and name file and line.
func ReadConfig(path string) (Config, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	if err != nil {
		return Config{}, explain(err, "read configuration", path)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err != nil {
		return Config{}, explain(err, "read configuration", path)
	}
	return ParseConfig(path, data)
}

// ParseConfig reads the text of a configuration file called name. It is YAML
// with the flags of up as keys; unknown and repeated keys, other types, tags,
// anchors and further documents are refused.
func ParseConfig(name string, data []byte) (Config, error) {
	if len(data) > maxConfigFile {
		return Config{}, fault.New(fault.Invalid, "%s: over %d bytes", name, maxConfigFile)
	}
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return Config{}, nil
	case err != nil:
		return Config{}, fault.New(fault.Invalid, "%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return Config{}, fault.New(fault.Invalid, "%s: more than one document, or text after the first", name)
	}
	var c Config
	if err := c.fill(&doc); err != nil {
		var at *atLine
		if errors.As(err, &at) {
			f := fault.New(fault.Invalid, "%s:%d: %w", name, at.line, at.err)
			f.Hint = at.hint
			return Config{}, f
		}
		return Config{}, fault.New(fault.Invalid, "%s: %w", name, err)
	}
	return c, nil
}

// atLine is an error that knows its place in the file.
type atLine struct {
	line int
	err  error
	hint string
}

func (e *atLine) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }

func (c *Config) fill(doc *yaml.Node) error {
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return errors.New("want keys and values")
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.ShortTag() == "!!null" {
		return nil // comments only
	}
	if top.Kind != yaml.MappingNode {
		return &atLine{line: top.Line, err: errors.New("want keys and values")}
	}
	options := c.options()
	lines := map[string]int{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		at := slices.IndexFunc(options, func(o option) bool {
			return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!str" && o.name == key.Value
		})
		if at < 0 {
			return &atLine{key.Line, fmt.Errorf("unknown key %.60q", key.Value), "one of " + names(options)}
		}
		o := options[at]
		if earlier, ok := lines[o.name]; ok {
			return &atLine{line: key.Line, err: fmt.Errorf("%s stands on line %d already", o.name, earlier)}
		}
		lines[o.name] = key.Line
		if err := o.read(value); err != nil {
			return &atLine{line: max(value.Line, key.Line), err: fmt.Errorf("%s: %w", o.name, err)}
		}
	}
	for _, o := range options {
		if err := o.check(); err != nil {
			return &atLine{line: lines[o.name], err: fmt.Errorf("%s: %w", o.name, err)}
		}
	}
	return nil
}

func names(options []option) string {
	var all []string
	for _, o := range options {
		all = append(all, o.name)
	}
	return strings.Join(all, ", ")
}

func text(to *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || n.Value == "" {
			return errors.New("want a text")
		}
		*to = n.Value
		return nil
	}
}

func texts(to *[]string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.SequenceNode {
			return errors.New("want a list of texts")
		}
		for _, item := range n.Content {
			var s string
			if err := text(&s)(item); err != nil {
				return err
			}
			*to = append(*to, s)
		}
		return nil
	}
}

func number(to *int) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil || v == 0 {
			return errors.New("want a whole number above 0")
		}
		*to = v
		return nil
	}
}

func truth(to *bool) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			return errors.New("want true or false")
		}
		*to = strings.EqualFold(n.Value, "true")
		return nil
	}
}
