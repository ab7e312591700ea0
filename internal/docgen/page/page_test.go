package page

import (
	"slices"
	"testing"
)

const sample = "# T\n\n<!-- setup\nkernel a.deb 6.1\n-->\n```console\n$ one \\\n  two\nold\n$ three\n```\ntext\n```sh root\nmake x\n```\n"

func TestParse(t *testing.T) {
	p, err := Parse("x.md", sample)
	if err != nil {
		t.Fatal(err)
	}
	if p.Setup != "kernel a.deb 6.1\n" || len(p.Blocks) != 2 || p.Blocks[1].Who != "root" || p.Blocks[0].Line != 6 {
		t.Fatalf("%+v", p)
	}
	c, err := p.Blocks[0].Commands()
	if err != nil || len(c) != 2 || c[0].Text != "one \\\n  two" || !slices.Equal(c[0].Output, []string{"old"}) || c[1].Output != nil {
		t.Fatalf("%+v %v", c, err)
	}
	got, err := p.Render(map[int][][]string{6: {{"new", "newer"}, nil}})
	want := "# T\n\n<!-- setup\nkernel a.deb 6.1\n-->\n```console\n$ one \\\n  two\nnew\nnewer\n$ three\n```\ntext\n```sh root\nmake x\n```\n"
	if err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
	if same, err := p.Render(nil); err != nil || same != sample {
		t.Errorf("unchanged: %v\n%s", err, same)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"```console\n$ x\n", "<!-- setup\nx\n"} {
		if _, err := Parse("x.md", text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for _, lines := range [][]string{{"out", "$ x"}, {}} {
		if _, err := (&Block{Lines: lines}).Commands(); err == nil {
			t.Errorf("%q is taken", lines)
		}
	}
}

func TestShowsCommand(t *testing.T) {
	for line, want := range map[string]bool{
		"kpkg-btf check x": true, "\tkpkg-btf check x": true, "$ make test": true, "dmesg | kpkg-btf explain": true,
		"KPKG_BTF_X=1 make all": true, "kpkg-btf:": false, "export PATH": false, "-include debian/kpkg-btf.mk": false,
	} {
		if got := ShowsCommand(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
