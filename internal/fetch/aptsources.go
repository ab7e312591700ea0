package fetch

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/pack/deb822"
	"kpkg-btf/internal/where"
)

// Line is one archive and suite of apt's configuration.
type Line struct {
	URL, Suite string
	Components []string
	// Keyring is the file of Signed-By, "" when it names none.
	Keyring string
	// Trusted is set by [trusted=yes]: apt itself asks for no signature.
	Trusted bool
}

// MachineSources reads the binary package sources of a machine as
// sources.list(5) describes them, in both styles, from a folder such as
// /etc/apt. Addresses of types other than http, https and file are left out.
func MachineSources(dir string) ([]Line, error) {
	files, err := filepath.Glob(filepath.Join(dir, "sources.list.d", "*"))
	if err != nil {
		return nil, where.In(dir, where.New(where.IO, "%w", err))
	}
	slices.Sort(files)
	var lines []Line
	for _, file := range append([]string{filepath.Join(dir, "sources.list")}, files...) {
		read := oneLine
		switch filepath.Ext(file) {
		case ".sources":
			read = stanzas
		case ".list":
		default:
			continue
		}
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, where.In(file, where.New(where.IO, "%w", err))
		}
		found, err := read(text)
		if err != nil {
			return nil, where.In(file, err)
		}
		lines = append(lines, found...)
	}
	return slices.DeleteFunc(lines, func(l Line) bool { return !readable(l.URL) }), nil
}

func readable(at string) bool {
	return strings.HasPrefix(at, "http://") || strings.HasPrefix(at, "https://") || strings.HasPrefix(at, "file:/")
}

// oneLine reads "deb [option=value ...] URI SUITE COMPONENT...".
func oneLine(text []byte) ([]Line, error) {
	var out []Line
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		options := ""
		if before, rest, ok := strings.Cut(line, "["); ok {
			opts, after, closed := strings.Cut(rest, "]")
			if !closed {
				return nil, where.New(where.Malformed, "options without an end: %s", where.Clean(strings.TrimSpace(line)))
			}
			line, options = before+" "+after, opts
		}
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "deb" {
			continue
		}
		l := Line{URL: address(f[1]), Suite: f[2], Components: f[3:]}
		for _, o := range strings.Fields(options) {
			name, value, _ := strings.Cut(o, "=")
			l.option(strings.ToLower(name), value)
		}
		out = append(out, l)
	}
	return out, nil
}

// stanzas reads the deb822 style.
func stanzas(text []byte) ([]Line, error) {
	var kept bytes.Buffer
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("#")) {
			kept.Write(line)
		}
	}
	var out []Line
	for r := deb822.NewReader(&kept); ; {
		s, err := r.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(s.Get("Enabled"), "no") || !slices.Contains(strings.Fields(s.Get("Types")), "deb") {
			continue
		}
		for _, at := range strings.Fields(s.Get("URIs")) {
			for _, suite := range strings.Fields(s.Get("Suites")) {
				l := Line{URL: address(at), Suite: suite, Components: strings.Fields(s.Get("Components"))}
				l.option("signed-by", strings.TrimSpace(s.Get("Signed-By")))
				l.option("trusted", s.Get("Trusted"))
				out = append(out, l)
			}
		}
	}
}

// address gives "file:/path" its usual form.
func address(at string) string {
	if rest, ok := strings.CutPrefix(at, "file:/"); ok && !strings.HasPrefix(rest, "//") {
		return "file:///" + strings.TrimPrefix(rest, "/")
	}
	return at
}

// option: of Signed-By, files count; fingerprints and keys in the text itself
// leave it to the keyring that is asked for.
func (l *Line) option(name, value string) {
	switch name {
	case "signed-by":
		if strings.HasPrefix(value, "/") && !strings.ContainsAny(value, ", \n") {
			l.Keyring = value
		}
	case "trusted":
		l.Trusted = strings.EqualFold(value, "yes")
	}
}
