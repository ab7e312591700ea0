package stamp_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/where"
)

var base = stamp.Base{Digest: [32]byte{0xab, 0xcd}, Types: 113903, Strings: 2060547}

const (
	// SHA-256 of "split", by sha256sum.
	splitSum = "ad1a64057f9ab34fecfe3f4ee78660bb0316dbda9370581ffbeb1e8bddf3d598"
	text     = "schema=kpkg-btf/stamp/2.0 algorithm=sha256 digest=abcd000000000000000000000000000000000000000000000000000000000000 types=113903 strings=2060547 btf=split over=" + splitSum + " by=encoder\x00"
)

func TestFormat(t *testing.T) {
	if got := string(stamp.Of(base, stamp.Encoder, []byte("split"), nil).Bytes()); got != text {
		t.Errorf("got %q\nwant %q", got, text)
	}
	for _, s := range []stamp.Stamp{
		stamp.Of(base, stamp.Encoder, []byte("split"), nil), stamp.Of(base, stamp.Asserted, []byte("split"), []byte("base")),
		{Base: &base, Left: stamp.Stripped}, {Left: stamp.Stripped},
	} {
		got, err := stamp.Parse(s.Bytes())
		if (got.Base == nil) != (s.Base == nil) || got.Base != nil && *got.Base != *s.Base {
			t.Errorf("%+v: base %+v", s, got.Base)
		}
		if got.Base = s.Base; err != nil || got != s {
			t.Errorf("%+v: %+v, %v", s, got, err)
		}
	}
}

// A stamp holds for the sections it was written over and for no others.
func TestFits(t *testing.T) {
	split := stamp.Of(base, stamp.Encoder, []byte("split"), nil)
	distilled := stamp.Of(base, stamp.Encoder, []byte("split"), []byte("base"))
	for _, c := range []struct {
		s         stamp.Stamp
		btf, base string
		want      bool
	}{
		{split, "split", "", true},
		{split, "splat", "", false},
		{split, "", "", false},
		{split, "split", "base", false},
		{distilled, "split", "base", true},
		{distilled, "split", "", false},
		{distilled, "split", "bass", false},
		{stamp.Stamp{Left: stamp.Stripped}, "", "", false},
	} {
		base := [32]byte{} // none
		if c.base != "" {
			base = sha256.Sum256([]byte(c.base))
		}
		if got := c.s.Fits(sha256.Sum256([]byte(c.btf)), base); got != c.want {
			t.Errorf("%s over %q and %q: %v", c.s.Left, c.btf, c.base, got)
		}
	}
}

func TestParseLater(t *testing.T) {
	later := strings.Replace(strings.TrimSuffix(text, "\x00"), "/2.0", "/2.7", 1) + " origin=pahole new=\x00"
	if s, err := stamp.Parse([]byte(later)); err != nil || *s.Base != base {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestParseBad(t *testing.T) {
	edit := func(old, new string) string { return strings.Replace(text, old, new, 1) }
	for name, c := range map[string]struct {
		text string
		kind where.Kind
		want string
	}{
		"empty":           {"", where.Malformed, "0 bytes"},
		"no NUL":          {strings.TrimSuffix(text, "\x00"), where.Malformed, "do not end"},
		"long":            {strings.Repeat(" ", 5000) + "\x00", where.Malformed, "5001 bytes"},
		"other text":      {"sha256 0123\x00", where.Malformed, "no field schema"},
		"major":           {edit("/2.0", "/1.0"), where.Unsupported, "kpkg-btf/stamp/1.0"},
		"algorithm":       {edit("sha256", "crc32"), where.Unsupported, `algorithm "crc32"`},
		"short digest":    {edit("digest=ab", "digest="), where.Malformed, "no SHA-256"},
		"long digest":     {edit("digest=", "digest=00"), where.Malformed, "no SHA-256"},
		"odd digest":      {edit("digest=a", "digest="), where.Malformed, "no SHA-256"},
		"upper digest":    {edit("digest=ab", "digest=AB"), where.Malformed, "no SHA-256"},
		"leading zero":    {edit("types=", "types=0"), where.Malformed, "is no number"},
		"sign":            {edit("types=", "types=+"), where.Malformed, "is no number"},
		"big":             {edit("strings=", "strings=99999"), where.Malformed, "is no number"},
		"word":            {edit("btf=split", "btf=kept"), where.Malformed, "btf=kept"},
		"order":           {edit("types=113903 strings=2060547", "strings=2060547 types=113903"), where.Malformed, "no field types"},
		"half a base":     {edit(" strings=2060547", ""), where.Malformed, "no field strings"},
		"no base":         {edit(" algorithm=sha256 digest=abcd000000000000000000000000000000000000000000000000000000000000 types=113903 strings=2060547", ""), where.Malformed, "no base"},
		"no word":         {"schema=kpkg-btf/stamp/2.0\x00", where.Malformed, "no field btf"},
		"no over":         {edit(" over="+splitSum, ""), where.Malformed, "no field over"},
		"short over":      {edit("over=a", "over="), where.Malformed, "no SHA-256"},
		"no over-base":    {edit("btf=split", "btf=distilled"), where.Malformed, "no field over-base"},
		"nobody":          {edit(" by=encoder", ""), where.Malformed, "no field by"},
		"somebody":        {edit("by=encoder", "by=me"), where.Malformed, "by=me"},
		"rest":            {strings.Replace(text, "\x00", " more\x00", 1), where.Malformed, `"more" is no field`},
		"rest without":    {strings.Replace(text, "\x00", " =v\x00", 1), where.Malformed, "no field"},
		"two spaces":      {edit(" btf", "  btf"), where.Malformed, "no field btf"},
		"NUL in the text": {edit(" btf", "\x00 btf"), where.Malformed, "is no number"},
	} {
		s, err := stamp.Parse([]byte(c.text))
		if where.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v; want %q", name, s, err, c.want)
		}
	}
}

func TestBaseOf(t *testing.T) {
	b := btftest.Kernel(btftest.Plain)
	got, err := stamp.BaseOf(append(b.Bytes(), 1, 2, 3), b.Parse())
	if err != nil || got.Types != b.Parse().NumTypes() || got.Strings != b.Parse().StrLen() || got.Digest == [32]byte{} {
		t.Errorf("%+v, %v", got, err)
	}
	if again, _ := stamp.BaseOf(b.Bytes(), b.Parse()); again != got {
		t.Error("bytes behind the BTF count")
	}
	if _, err := stamp.BaseOf([]byte("no BTF"), b.Parse()); err == nil {
		t.Error("no error")
	}
}

// FuzzParse: what is accepted without further fields is written as it was.
func FuzzParse(f *testing.F) {
	f.Add([]byte(text))
	f.Add(stamp.Stamp{Left: stamp.Stripped}.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := stamp.Parse(data)
		if err != nil {
			return
		}
		out := s.Bytes()
		known := bytes.HasPrefix(data, []byte("schema=kpkg-btf/stamp/2.0 ")) && bytes.Count(data, []byte(" ")) == bytes.Count(out, []byte(" "))
		if known && !bytes.Equal(out, data) {
			t.Fatalf("%q is written as %q", data, out)
		}
	})
}
