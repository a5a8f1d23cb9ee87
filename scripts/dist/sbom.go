package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// A bill of materials as CycloneDX 1.6 has it
// (https://cyclonedx.org/docs/1.6/json).
type (
	bill struct {
		Schema     string      `json:"$schema"`
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
		Depends    []depends   `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		Licenses   []licence  `json:"licenses"`
		PURL       string     `json:"purl,omitempty"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	licence struct {
		Expression string `json:"expression"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	depends struct {
		Ref string   `json:"ref"`
		On  []string `json:"dependsOn"`
	}
)

// materials is the bill of one binary.
func (r release) materials(binary string, parts []part) ([]byte, error) {
	sum, err := sumOf(binary)
	if err != nil {
		return nil, err
	}
	ref := "warren@" + r.version
	b := bill{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: metadata{
			Timestamp: r.when.Format(time.RFC3339),
			Component: component{
				Type: "application", Ref: ref, Name: "warren", Version: r.version, Licenses: []licence{{"Apache-2.0"}},
				Hashes:     []hash{{"SHA-256", hex.EncodeToString(sum)}},
				Properties: []property{{"warren:os", "linux"}, {"warren:arch", r.arch}},
			},
		},
		Components: []component{},
		Depends:    []depends{{Ref: ref, On: []string{}}},
	}
	for _, p := range parts {
		c := component{
			Type: "library", Ref: p.purl(), Name: p.name, Version: p.version, Licenses: []licence{{p.licence}}, PURL: p.purl(),
		}
		switch content, ok := strings.CutPrefix(p.sum, "sha512-"); {
		case ok && !strings.Contains(content, " "):
			raw, err := base64.StdEncoding.DecodeString(content)
			if err != nil {
				return nil, fmt.Errorf("hash of %s: %w", p.name, err)
			}
			c.Hashes = []hash{{"SHA-512", hex.EncodeToString(raw)}}
		case p.sum != "": // of a module's files, not of one file
			c.Properties = []property{{"warren:sum", p.sum}}
		}
		b.Components = append(b.Components, c)
		b.Depends[0].On = append(b.Depends[0].On, p.purl())
	}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("bill of materials: %w", err)
	}
	return append(text, '\n'), nil
}

// purl is the package URL (https://github.com/package-url/purl-spec).
func (p part) purl() string {
	words := strings.Split(p.name, "/")
	for i, w := range words {
		words[i] = strings.ReplaceAll(url.PathEscape(w), "@", "%40")
	}
	return "pkg:" + p.kind + "/" + strings.Join(words, "/") + "@" + url.PathEscape(p.version)
}
