package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kpkg-btf/internal/release/releasetest"
)

// On a terminal text takes its width and colours; NO_COLOR and --color are
// heard; in a file there is neither.
func TestTerminal(t *testing.T) {
	tree := t.TempDir()
	for path, data := range (releasetest.Kernel{Release: "6.1.0-1-amd64"}).Files() {
		path = filepath.Join(tree, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		env    string
		args   []string
		colour bool
	}{
		{"", nil, true}, {"NO_COLOR=1", nil, false}, {"TERM=dumb", nil, false}, {"", []string{"--color", "never"}, false}, {"NO_COLOR=1", []string{"--color", "always"}, true},
	} {
		out := onTerminal(t, 100, c.env, append([]string{"check", tree}, c.args...)...)
		if got := strings.Contains(out, "\x1b["); got != c.colour {
			t.Errorf("%s %v: colour %v:\n%s", c.env, c.args, got, out)
		}
		longest := 0
		for line := range strings.Lines(out) {
			longest = max(longest, len([]rune(colours.ReplaceAllString(strings.TrimRight(line, "\r\n"), ""))))
		}
		if longest > 100 || longest == 0 {
			t.Errorf("%s %v: a line of %d columns on a terminal of 100", c.env, c.args, longest)
		}
	}
}

var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// onTerminal runs the program with a pseudo-terminal as its standard output.
func onTerminal(t *testing.T, columns uint16, env string, args ...string) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, t.TempDir(), args...)
	cmd.Env = append(os.Environ(), "TERM=xterm")
	if env != "" {
		cmd.Env = append(cmd.Env, env)
	}
	cmd.Stdout = slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	var out strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := master.Read(buf)
		out.Write(buf[:n])
		if err != nil { // EIO when the last writer is gone
			break
		}
	}
	cmd.Wait()
	return out.String()
}
