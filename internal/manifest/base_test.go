package manifest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"kpkg-btf/internal/where"
)

// blob is n bytes that compress about as BTF does.
func blob(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		if i%4 < 2 {
			b[i] = byte(rnd.IntN(256))
		}
	}
	return b
}

func TestBaseRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 300 << 10} {
		base := blob(n)
		var one, two bytes.Buffer
		if err := WriteBase(&one, base); err != nil {
			t.Fatal(err)
		}
		if err := WriteBase(&two, base); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Errorf("%d bytes: two texts for one base, %v", n, err)
		}
		got, err := ReadBase(iotest.OneByteReader(bytes.NewReader(one.Bytes()[:min(one.Len(), 4096)])), sha256.Sum256(base))
		if one.Len() <= 4096 && (err != nil || !bytes.Equal(got, base)) {
			t.Errorf("%d bytes, one at a time: %v", n, err)
		}
		got, err = ReadBase(&one, sha256.Sum256(base))
		if err != nil || !bytes.Equal(got, base) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// The reference decoder reads the same, its check included.
func TestBaseAgainstZstd(t *testing.T) {
	base := blob(200 << 10)
	var frame bytes.Buffer
	if err := WriteBase(&frame, base); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("zstd", "-dc")
	cmd.Stdin = &frame
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("zstd (make deps installs it): %v", err)
	}
	if !bytes.Equal(out, base) {
		t.Error("zstd reads something else")
	}
}

func TestReadBaseFaults(t *testing.T) {
	base := blob(150)
	var frame bytes.Buffer
	if err := WriteBase(&frame, base); err != nil {
		t.Fatal(err)
	}
	good, sum := frame.Bytes(), sha256.Sum256(base)
	if _, err := ReadBase(bytes.NewReader(good), [32]byte{1}); where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("other checksum: %v", err)
	}
	for cut := range good {
		if b, err := ReadBase(bytes.NewReader(good[:cut]), sum); b != nil || where.KindOf(err) != where.Malformed {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if b, err := ReadBase(bytes.NewReader(bad), sum); err == nil && !bytes.Equal(b, base) {
			t.Fatalf("byte %d changed goes unseen", i)
		}
	}
	// A frame that claims a window of 2 GiB in nine bytes.
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00}
	if b, err := ReadBase(bytes.NewReader(window), sum); b != nil || where.KindOf(err) != where.Limit {
		t.Errorf("window of 2 GiB: %v", err)
	}
	disk := io.MultiReader(bytes.NewReader(good[:20]), iotest.ErrReader(syscall.EIO))
	if _, err := ReadBase(disk, sum); !errors.Is(err, syscall.EIO) {
		t.Errorf("a failing disk: %v", err)
	}
}

func TestBaseName(t *testing.T) {
	if got := BaseName([32]byte{0xc0, 0x9f}); got != "c09f"+strings.Repeat("0", 60)+".btf.zst" {
		t.Error(got)
	}
}
