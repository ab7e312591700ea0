package schema

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// generator makes schemas of Go types by the rules of encoding/json.
type generator struct {
	docs map[string]string // "Type" and "Type.Field" -> comment
	defs map[string]any
}

func (g *generator) object(t reflect.Type) map[string]any {
	props, required := map[string]any{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		optional := strings.Contains(opts, "omitempty")
		if !optional {
			required = append(required, name)
		}
		s := g.value(f.Type, optional)
		if doc := g.docs[t.Name()+"."+f.Name]; doc != "" {
			s["description"] = doc
		}
		props[name] = s
	}
	out := map[string]any{"type": "object", "properties": props, "required": required}
	if doc := g.docs[t.Name()]; doc != "" {
		out["description"] = doc
	}
	return out
}

// value is the schema of one value. A pointer that is not left out when nil is
// written as null.
func (g *generator) value(t reflect.Type, optional bool) map[string]any {
	if words := model.Words(t); words != nil {
		return map[string]any{"type": "string", "enum": words}
	}
	switch t.Kind() {
	case reflect.Pointer:
		if optional {
			return g.value(t.Elem(), false)
		}
		return map[string]any{"anyOf": []any{g.value(t.Elem(), false), map[string]any{"type": "null"}}}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": g.value(t.Elem(), false)}
	case reflect.Struct:
		if _, ok := g.defs[t.Name()]; !ok {
			g.defs[t.Name()] = nil // its own members may name it
			g.defs[t.Name()] = g.object(t)
		}
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return map[string]any{"type": "integer"}
	}
	return map[string]any{}
}

// comments reads the doc comments of the types of package model.
func comments() (map[string]string, error) {
	docs := map[string]string{}
	entries, err := model.Source.ReadDir(".")
	if err != nil {
		return nil, where.New(where.Internal, "%w", err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		text, err := model.Source.ReadFile(e.Name())
		if err != nil {
			return nil, where.New(where.Internal, "%w", err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), text, parser.ParseComments)
		if err != nil {
			return nil, where.New(where.Internal, "%w", err)
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
