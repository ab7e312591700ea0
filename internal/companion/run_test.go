package companion

import (
	"context"
	"io"
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

// The tests of this package run from a folder of their own, where the program is
// not: that is said with what to do, and PATH is not asked.
func TestProgramIsNotSearchedInPath(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Run(context.Background(), Request{}, io.Discard)
	if where.KindOf(err) != where.Unsupported || !strings.Contains(err.Error(), "is not installed") || !strings.Contains(where.HintOf(err), "go build") {
		t.Errorf("%v, hint %q", err, where.HintOf(err))
	}
}
