package explain

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// A log that was rotated is read as what it was; one that is damaged is no log
// that ended early.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	text := strings.Join(twoRefusals, "\n") + "\n"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, text); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	read := func(name string, data []byte) (*Log, error) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := Open(context.Background(), path)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return Read(r)
	}
	for name, data := range map[string][]byte{"kern.log": []byte(text), "kern.log.2.gz": packed.Bytes()} {
		l, err := read(name, data)
		if err != nil {
			t.Fatal(err)
		}
		if got := toldOf(Explain(l, nil)); !reflect.DeepEqual(got, twoTold) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if l, err := read("cut.gz", packed.Bytes()[:packed.Len()-9]); err == nil {
		t.Errorf("a cut log: %d events", l.Events())
	}
	if l, err := read("empty", nil); err != nil || l.Events() != 0 {
		t.Error(err)
	}
	if _, err := Open(context.Background(), filepath.Join(dir, "missing")); err == nil {
		t.Error("missing")
	}
}
