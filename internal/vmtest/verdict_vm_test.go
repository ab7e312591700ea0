//go:build vm

package vmtest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/verdict"
)

// referee compares what package verdict predicts with what a booted kernel
// does. What can be seen differs: with a mismatch allowed no errno, and from
// 6.3 fewer messages; it counts what it saw.
type referee struct {
	t       *testing.T
	base    *verdict.Base
	profile *verdict.Profile

	attached, refused, disagree  int
	sawErrno, sawLines, sawQuiet int

	// late is a line that the kernel keeps to itself until it prints another:
	// 6.12 ends the one about strings without a newline.
	late string
}

// question is one case with the bytes that were asked about.
type question struct {
	id          string
	split, base []byte
	user        bool // split is the whole, loaded by user space
}

func newReferee(t *testing.T, p verdict.Profile, base []byte) *referee {
	t.Helper()
	b, err := verdict.NewBase(&p, base)
	if err != nil {
		t.Fatal(err)
	}
	if own := b.Own(); !own.OK {
		t.Fatalf("the kernel's own base: %s", own.String())
	}
	return &referee{t: t, base: b, profile: &p}
}

// job asks all questions in one boot.
func (r *referee) job(template []byte, qs []question) Job {
	job := Job{Template: template}
	for _, q := range qs {
		c := Case{ID: q.id, BTF: q.split, Base: q.base}
		switch {
		case q.user:
			c.Kind = UserBTF
		case q.base != nil:
			c.Kind = DistilledBTF
		}
		job.Cases = append(job.Cases, c)
	}
	return job
}

// ask boots the kernel with all questions and compares the answers.
func (r *referee) ask(k Kernel, template []byte, qs []question) {
	r.t.Helper()
	res, err := Boot(r.t.Context(), k, r.job(template, qs))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Log(res.Speed())
	r.judge(qs, res)
}

// judge compares every answer.
func (r *referee) judge(qs []question, res *Result) {
	r.t.Helper()
	if len(res.Verdicts) != len(qs) {
		r.t.Fatalf("%d answers to %d questions", len(res.Verdicts), len(qs))
	}
	for i := range qs {
		r.compare(&qs[i], &res.Verdicts[i])
	}
	r.t.Logf("%s: %d accepted, %d refused, %d disagreements; seen of the refused: errno %d, lines %d, no more than that one was printed %d",
		r.profile.Name, r.attached, r.refused, r.disagree, r.sawErrno, r.sawLines, r.sawQuiet)
	if r.disagree != 0 {
		r.t.Errorf("%d of %d verdicts differ", r.disagree, len(qs))
	}
}

// predict is what package verdict says to a question.
func (r *referee) predict(q *question) verdict.Result {
	if q.user {
		return verdict.User(r.profile, q.split, 8, false)
	}
	return r.base.Module(q.split, q.base)
}

func (r *referee) compare(q *question, v *Verdict) {
	want := r.predict(q)
	why := ""
	if q.user {
		why = r.userDiffers(&want, v)
	} else {
		why = r.differs(&want, v, len(q.split) != 0)
	}
	if want.OK {
		r.attached++
	} else {
		r.refused++
	}
	if why != "" {
		if r.disagree++; r.disagree <= 20 {
			r.t.Errorf("%s: %s\n  predicted %s\n            %q\n  seen      %s\n            %q", q.id, why, want.String(), want.Lines, v, spoken(v))
		}
	}
}

// userDiffers compares what bpf(2) returned and the verifier wrote: errno and
// words are always to be seen.
func (r *referee) userDiffers(want *verdict.Result, v *Verdict) string {
	if int(v.Errno) != -int(want.Errno) {
		return fmt.Sprintf("errno is %d, not %d: %q", int(v.Errno), -int(want.Errno), v.Words)
	}
	if want.OK {
		return ""
	}
	r.sawErrno++
	r.sawLines++
	words := strings.TrimSpace(want.Subject + " " + strings.TrimSpace(want.Text))
	before, ok := strings.CutSuffix(strings.TrimSuffix(v.Words, "\n"), words)
	before = strings.TrimRight(before, " \t") // members and variables are set in
	if !ok || words != "" && before != "" && !strings.HasSuffix(before, "\n") {
		return fmt.Sprintf("the verifier's last words are %q, not %q", v.Words[max(0, len(v.Words)-200):], words)
	}
	return ""
}

// differs says in what prediction and kernel differ, "" when in nothing that
// can be seen.
func (r *referee) differs(want *verdict.Result, v *Verdict, hasBTF bool) string {
	if v.Attached != (want.OK && hasBTF && r.profile.ModuleBTF) {
		return fmt.Sprintf("attached is %v", v.Attached)
	}
	errno := 0
	if !want.OK && !r.profile.AllowMismatch {
		errno = -int(want.Errno)
		r.sawErrno++
	}
	if int(v.Errno) != errno {
		return fmt.Sprintf("errno is %d, not %d", int(v.Errno), errno)
	}
	got := spoken(v)
	if r.late != "" && len(got) != 0 && got[0] == r.late {
		got, r.late = got[1:], ""
	}
	lines := want.Lines
	if !want.OK && !(r.profile.AllowMismatch && r.profile.WarnOnce) {
		lines = append(slices.Clone(lines), r.profile.FailureLine("", want.Errno))
	}
	if want.Rule == "reloc.string" && len(got) == 0 && r.late == "" && len(lines) == 1 {
		r.late = lines[0]
		return ""
	}
	if len(got) != len(lines) {
		return fmt.Sprintf("%d lines, not %d", len(got), len(lines))
	}
	for i := range got {
		if !sameLine(got[i], lines[i]) {
			return fmt.Sprintf("line %d differs", i)
		}
	}
	switch {
	case want.OK:
	case len(lines) != 0:
		r.sawLines++
	default:
		r.sawQuiet++
	}
	return ""
}

// spoken are the lines about BTF. The module's name is cut out of the last,
// and the warning that comes once for all modules is left out.
func spoken(v *Verdict) []string {
	var out []string
	for _, l := range v.Log {
		text := strings.TrimRight(l.Text, "\n")
		switch {
		case strings.HasPrefix(text, "failed to validate module ["):
			_, after, _ := strings.Cut(text, "]")
			out = append(out, "failed to validate module []"+after)
		case strings.HasPrefix(text, "BPF:"), strings.Contains(text, "istilled base"), strings.Contains(text, "to base BTF"):
			out = append(out, text)
		}
	}
	return out
}

// printkMax is about what one record of the kernel's log holds.
const printkMax = 900

func sameLine(got, want string) bool {
	if len(want) > printkMax && len(got) > printkMax {
		return got[:printkMax] == want[:printkMax]
	}
	return got == want
}

// debian is a profile with the option that Debian's kernels had until 6.12.
func debian(major, minor, patch int) verdict.Profile {
	p := verdict.ForVersion(major, minor, patch)
	p.AllowMismatch = true
	return p
}

// verdictPairs are pairs with the profile of the booted kernel.
var verdictPairs = []struct {
	pair    int
	profile verdict.Profile
	base    []string // the package with the booted base, when it is not the image's
}{
	{pair: 0, profile: debian(6, 1, 192)},
	{pair: 1, profile: debian(6, 12, 115)},
}

// TestVerdictOfPairs: every module of the newer build of a pair gets the
// verdict that was predicted, errno and words included where they can be seen.
func TestVerdictOfPairs(t *testing.T) {
	for _, c := range verdictPairs {
		p := pairs[c.pair]
		t.Run(p.name, func(t *testing.T) {
			old, newer, res := p.boot(t)
			r := newReferee(t, c.profile, imageBTF(t, old.Kernel))
			var qs []question
			for _, m := range newer.Modules {
				qs = append(qs, question{id: m.Path, split: m.BTF, base: m.Base})
			}
			r.judge(qs, res)
			if r.attached != p.attached || len(qs) != p.modules {
				t.Errorf("%d of %d predicted as attached, want %d of %d", r.attached, len(qs), p.attached, p.modules)
			}
		})
	}
}

// imageBTF is the base in a bzImage, got out with xz or zstd and debug/elf: not
// by the readers that use verdicts.
func imageBTF(t *testing.T, k Kernel) []byte {
	t.Helper()
	_, plain := imagePayload(t, k.Image)
	f, err := elf.NewFile(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	sec := f.Section(".BTF")
	if sec == nil {
		t.Fatal("no BTF in the image")
	}
	b, err := sec.Data()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// imagePayload is what is packed in a bzImage, and at which offset it lies
// there (Documentation/arch/x86/boot.rst).
func imagePayload(t *testing.T, image []byte) (from int, plain []byte) {
	t.Helper()
	if len(image) < 0x250 || string(image[0x202:0x206]) != "HdrS" {
		t.Fatal("not a bzImage")
	}
	le := binary.LittleEndian
	setup := int(image[0x1f1])
	if setup == 0 {
		setup = 4
	}
	from = (setup+1)*512 + int(le.Uint32(image[0x248:]))
	payload := image[from:][:le.Uint32(image[0x24c:])]
	unpack := []string{"xz", "-dc"}
	if bytes.HasPrefix(payload, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		unpack = []string{"zstd", "-dc", "--long=31"}
	}
	return from, piped(t, payload[:len(payload)-4], unpack...) // its size follows
}
