//go:build e2e

package distill_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/realtest"
)

// driverSource distils with the real libbpf. Its input is a row of blobs, each
// behind its length and a word that is 1 for a base, which the splits after it
// lie on; its output is, for each split, a length and the blob for base and
// split, both lengths 0 when libbpf refuses. On standard output it gives the
// nanoseconds of CPU it took to parse, distil and serialise all splits.
const driverSource = `
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t cpu(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void emit(FILE *to, const void *blob, uint32_t n)
{
	if (fwrite(&n, 4, 1, to) != 1 || (n && fwrite(blob, n, 1, to) != 1))
		exit(3);
}

int main(int argc, char **argv)
{
	FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
	struct btf *base = NULL;
	uint64_t spent = 0;
	uint32_t head[2];

	if (!in || !out)
		return 3;
	libbpf_set_print(NULL);
	while (fread(head, 4, 2, in) == 2) {
		void *blob = malloc(head[0] + 1);
		struct btf *split, *lower = NULL, *upper = NULL;
		const void *low = NULL, *up = NULL;
		uint32_t low_n = 0, up_n = 0;
		uint64_t begun;

		if (!blob || fread(blob, 1, head[0], in) != head[0])
			return 3;
		if (head[1]) {
			btf__free(base);
			base = btf__new(blob, head[0]);
			if (!base)
				return 4;
			free(blob);
			continue;
		}
		begun = cpu();
		split = btf__new_split(blob, head[0], base);
		if (split && !btf__distill_base(split, &lower, &upper)) {
			low = btf__raw_data(lower, &low_n);
			up = btf__raw_data(upper, &up_n);
		}
		spent += cpu() - begun;
		emit(out, low, low_n);
		emit(out, up, up_n);
		btf__free(upper);
		btf__free(lower);
		btf__free(split);
		free(blob);
	}
	printf("%llu %u.%u\n", (unsigned long long)spent, libbpf_major_version(), libbpf_minor_version());
	return fclose(out) ? 3 : 0;
}
`

// libbpf is the driver, built in the chroot of reference tools.
type libbpf struct {
	root, dir string // dir is below root
	in        *bufio.Writer
	file      *os.File
	splits    int
}

// newLibbpf builds the driver. It needs root, as the chroot does.
func newLibbpf(t *testing.T) *libbpf {
	t.Helper()
	tools := exec.Command(filepath.Join(realtest.Root(), "testdata/real/tools.sh"), realtest.Cache())
	tools.Stderr = os.Stderr
	out, err := tools.Output()
	if err != nil {
		t.Fatalf("tools.sh (make tools): %v", err)
	}
	l := &libbpf{root: strings.TrimSpace(string(out))}
	tmp, err := os.MkdirTemp(filepath.Join(l.root, "tmp"), "distill")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	l.dir = "/tmp/" + filepath.Base(tmp)
	if err := os.WriteFile(filepath.Join(tmp, "driver.c"), []byte(driverSource), 0o644); err != nil {
		t.Fatal(err)
	}
	l.run(t, "gcc", "-O2", "-o", l.dir+"/driver", l.dir+"/driver.c", "-lbpf", "-lelf", "-lz")
	if l.file, err = os.Create(filepath.Join(tmp, "in")); err != nil {
		t.Fatal(err)
	}
	l.in = bufio.NewWriterSize(l.file, 1<<20)
	return l
}

func (l *libbpf) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("chroot", append([]string{l.root}, args...)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s in the chroot: %v\n%s", args[0], err, complaint.String())
	}
	return string(out)
}

func (l *libbpf) base(t *testing.T, blob []byte) { l.write(t, blob, 1) }

func (l *libbpf) split(t *testing.T, blob []byte) {
	l.write(t, blob, 0)
	l.splits++
}

func (l *libbpf) write(t *testing.T, blob []byte, base uint32) {
	t.Helper()
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(blob)))
	_, err := l.in.Write(binary.LittleEndian.AppendUint32(head, base))
	if err == nil {
		_, err = l.in.Write(blob)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// distilled is what libbpf made of one split, nothing when it refused.
type distilled struct{ base, split []byte }

// distill runs libbpf on all blobs and gives its results in their order, and
// the CPU time it took.
func (l *libbpf) distill(t *testing.T) ([]distilled, time.Duration) {
	t.Helper()
	if err := l.in.Flush(); err != nil {
		t.Fatal(err)
	}
	defer l.file.Close()
	said := strings.Fields(l.run(t, l.dir+"/driver", l.dir+"/in", l.dir+"/out"))
	if len(said) != 2 || said[1] != "1.5" {
		t.Fatalf("the driver says %q, want libbpf 1.5", said)
	}
	spent, err := strconv.ParseInt(said[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := os.ReadFile(filepath.Join(l.root, l.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	next := func() []byte {
		if len(rest) < 4 {
			t.Fatal("the driver's output is cut")
		}
		n := binary.LittleEndian.Uint32(rest)
		if uint64(n) > uint64(len(rest)-4) {
			t.Fatal("the driver's output is cut")
		}
		blob := rest[4 : 4+n]
		rest = rest[4+n:]
		return blob
	}
	var all []distilled
	for range l.splits {
		all = append(all, distilled{base: next(), split: next()})
	}
	return all, time.Duration(spent)
}
