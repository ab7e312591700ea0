package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"

	"kpkg-btf/internal/document"
)

// schemaOf is the schema of one kind of document.
func schemaOf(root string, k kind) ([]byte, error) {
	g := &generator{root: root, docs: map[string]map[string]string{}, defs: map[string]any{}, named: map[string]reflect.Type{}}
	out, err := g.object(document.PlanOf(k.of))
	if err != nil {
		return nil, err
	}
	head := out["properties"].(map[string]any)
	head["schema"] = map[string]any{"type": "string", "pattern": "^" + k.schema[:strings.LastIndexByte(k.schema, '.')] + "\\.[0-9]+$"}
	head["tool"] = map[string]any{"type": "string", "description": "Name and version of the program that wrote it; in no digest."}
	head["must_understand"] = map[string]any{"type": "array", "items": map[string]any{"type": "string"}, "description": "Members that a reader must know."}
	required := without(out["required"].([]string), "schema", "must_understand")
	if !k.open {
		head["digest"] = map[string]any{"type": "string", "pattern": "^sha256:[0-9a-f]{64}$", "description": "Of the schema, a line end, and every byte after the digest's line."}
		required = append([]string{"digest"}, required...)
	}
	out["required"] = append([]string{"schema"}, required...)
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	out["title"] = "kpkg-btf " + k.name
	out["$defs"] = g.defs
	text, err := json.MarshalIndent(out, "", "\t")
	return append(text, '\n'), err
}

func without(list []string, names ...string) []string {
	out := []string{}
	for _, s := range list {
		keep := true
		for _, n := range names {
			keep = keep && s != n
		}
		if keep {
			out = append(out, s)
		}
	}
	return out
}

// generator makes the schemas of plans.
type generator struct {
	root  string
	docs  map[string]map[string]string // package -> "Type" and "Type.Field" -> comment
	defs  map[string]any
	named map[string]reflect.Type // what defs are of
}

func (g *generator) object(p *document.Plan) (map[string]any, error) {
	props, required, either := map[string]any{}, []string{}, []any{}
	for i := range p.Fields {
		f := &p.Fields[i]
		s, err := g.value(f.Plan)
		if err != nil {
			return nil, err
		}
		if f.Pointer && !f.Optional {
			s = map[string]any{"anyOf": []any{s, map[string]any{"type": "null"}}}
		}
		doc, err := g.comment(f.Owner, f.Go.Name)
		if err != nil {
			return nil, err
		}
		if doc != "" {
			s["description"] = doc
		}
		props[f.Name] = s
		coded := f.Plan.Form == document.Bytes || f.Plan.Form == document.Text && f.Plan.Words == nil
		if coded {
			props[f.Name+"_b64"] = map[string]any{"type": "string", "contentEncoding": "base64"}
		}
		switch {
		case f.Optional:
		case coded:
			either = append(either, map[string]any{"anyOf": []any{map[string]any{"required": []string{f.Name}}, map[string]any{"required": []string{f.Name + "_b64"}}}})
		default:
			required = append(required, f.Name)
		}
	}
	out := map[string]any{"type": "object", "properties": props, "required": required}
	if len(either) > 0 {
		out["allOf"] = either
	}
	doc, err := g.comment(p.Type, "")
	if doc != "" {
		out["description"] = doc
	}
	return out, err
}

// value is the schema of one value.
func (g *generator) value(p *document.Plan) (map[string]any, error) {
	switch p.Form {
	case document.Text:
		if p.Words != nil {
			return map[string]any{"type": "string", "enum": p.Words}, nil
		}
		return map[string]any{"type": "string"}, nil
	case document.Bytes:
		return map[string]any{"type": "string"}, nil
	case document.Bool:
		return map[string]any{"type": "boolean"}, nil
	case document.Int:
		return map[string]any{"type": "integer"}, nil
	case document.Uint:
		return map[string]any{"type": "integer", "minimum": 0}, nil
	case document.Sum:
		return map[string]any{"type": "string", "pattern": "^[0-9a-f]{64}$"}, nil
	case document.Deltas:
		return map[string]any{"type": "string", "pattern": "^[1-9][0-9]*( [1-9][0-9]*)*$"}, nil
	case document.List:
		item, err := g.element(p.Elem)
		return map[string]any{"type": "array", "items": item}, err
	}
	return g.nested(p)
}

// element is a value without a name, whose text may be base64.
func (g *generator) element(p *document.Plan) (map[string]any, error) {
	s, err := g.value(p)
	if p.Form == document.Text && p.Words == nil || p.Form == document.Bytes {
		coded := map[string]any{"type": "object", "required": []string{"b64"}, "properties": map[string]any{"b64": map[string]any{"type": "string", "contentEncoding": "base64"}}}
		s = map[string]any{"anyOf": []any{s, coded}}
	}
	return s, err
}

// nested is a reference to the schema of an object or a tuple.
func (g *generator) nested(p *document.Plan) (map[string]any, error) {
	name := p.Type.Name()
	ref := map[string]any{"$ref": "#/$defs/" + name}
	if of, ok := g.named[name]; ok {
		if of != p.Type {
			return nil, fmt.Errorf("two types are called %s: %s and %s", name, of, p.Type)
		}
		return ref, nil
	}
	g.named[name] = p.Type // its own members may name it
	var err error
	if p.Form == document.Tuple {
		g.defs[name], err = g.tuple(p)
	} else {
		g.defs[name], err = g.object(p)
	}
	return ref, err
}

func (g *generator) tuple(p *document.Plan) (map[string]any, error) {
	items, least := []any{}, 0
	for i := range p.Fields {
		f := &p.Fields[i]
		s, err := g.element(f.Plan)
		if err != nil {
			return nil, err
		}
		if s["description"], err = g.comment(f.Owner, f.Go.Name); err != nil {
			return nil, err
		}
		if items = append(items, s); !f.Optional {
			least = i + 1
		}
	}
	out := map[string]any{"type": "array", "prefixItems": items, "minItems": least}
	doc, err := g.comment(p.Type, "")
	if doc != "" {
		out["description"] = doc
	}
	return out, err
}

// comment is the doc comment of a type, or of its field.
func (g *generator) comment(t reflect.Type, field string) (string, error) {
	path := t.PkgPath()
	if g.docs[path] == nil {
		docs, err := comments(filepath.Join(g.root, strings.TrimPrefix(path, "kpkg-btf/")))
		if err != nil {
			return "", err
		}
		g.docs[path] = docs
	}
	if field == "" {
		return g.docs[path][t.Name()], nil
	}
	return g.docs[path][t.Name()+"."+field], nil
}

// comments reads the doc comments of the types of a package.
func comments(dir string) (map[string]string, error) {
	docs := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				typeComments(docs, g)
			}
		}
	}
	return docs, nil
}

func typeComments(docs map[string]string, g *ast.GenDecl) {
	for _, s := range g.Specs {
		t := s.(*ast.TypeSpec)
		docs[t.Name.Name] = oneLine(g.Doc, t.Doc)
		fields, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range fields.Fields.List {
			for _, n := range f.Names {
				docs[t.Name.Name+"."+n.Name] = oneLine(f.Doc, f.Comment)
			}
		}
	}
}

// oneLine joins comments into one line.
func oneLine(groups ...*ast.CommentGroup) string {
	var words []string
	for _, c := range groups {
		words = append(words, strings.Fields(c.Text())...)
	}
	return strings.Join(words, " ")
}
