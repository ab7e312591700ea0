package repack

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

// FuzzRewrite: a damaged package is refused with nothing published, or its
// output holds the new files; never a failed check of our own output, which
// would be a fault in the writer.
func FuzzRewrite(f *testing.F) {
	f.Add(deb(f, 0).Build(), ".deb")
	f.Add(synthetic(false).Build(), ".rpm")
	f.Add(synthetic(true).Build(), ".rpm")
	f.Fuzz(func(t *testing.T, data []byte, ext string) {
		if ext != ".deb" && ext != ".rpm" {
			return
		}
		t.Setenv("PATH", "") // neither compressors nor dpkg-deb and rpm
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in"+ext), filepath.Join(dir, "out")
		check(t, os.WriteFile(in, data, 0o644))
		p, err := (&pack.Input{Path: in, Size: -1}).Open(t.Context(), pack.Options{})
		if err != nil {
			return
		}
		defer p.Close()
		ed := Editor{
			Select: func(e *pack.Entry) bool { return strings.HasSuffix(e.Path, ".ko") },
			Edit: func(_ context.Context, e *pack.Entry, old []byte, _ func(int) []byte) ([]byte, error) {
				return append([]byte("changed "), old...), nil
			},
		}
		_, err = Rewrite(t.Context(), p, out, ed, Options{Jobs: 2})
		if err != nil && where.KindOf(err) == where.Internal {
			t.Error(err)
		}
		if _, serr := os.Stat(out); (serr == nil) != (err == nil) {
			t.Errorf("output there: %v, error: %v", serr == nil, err)
		}
	})
}
