package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/abiname"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// What CI compares from upload to upload: names of tests and fingerprints. They
// name releases by their family, never by an ABI number.

// tracked is a release with its name in CI, and its findings by encounter.
type tracked struct {
	v      *model.ReleaseVerdict
	family string // "6.1-amd64", "6.1-amd64 2" for a second one
	parts  []part
}

// part is an encounter of a release: one test.
type part struct {
	name    string // "self", "window on 6.1-amd64"
	real    string // the kernels' own names
	of      model.Encounter
	against string
	skipped string // why it was not judged, "" where it was
	// findings are those of the encounter, with their fingerprints.
	findings []trackedFinding
}

type trackedFinding struct {
	*model.Finding
	fingerprint string
}

// track names all releases of a report, their encounters and their findings.
func track(r *model.Report) []tracked {
	list := groups(r)
	var keys []string
	for _, v := range list {
		keys = append(keys, strings.TrimSpace(abiname.Family(v.Release.Name)+" "+string(v.Release.Arch)))
	}
	out := make([]tracked, len(list))
	seen := map[string]int{} // fingerprints count what is found twice
	for i, family := range counted(keys) {
		v := list[i]
		out[i] = tracked{v, family, partsOf(v)}
		for k := range v.Findings {
			f := &v.Findings[k]
			p := out[i].part(f)
			id := family + "/" + p.name + "/" + f.Rule
			if seen[id]++; seen[id] > 1 {
				id += fmt.Sprintf("/%d", seen[id])
			}
			p.findings = append(p.findings, trackedFinding{f, fingerprint(id)})
		}
	}
	return out
}

// part returns the encounter that a finding is of. One that the report does
// not list gets a part of its own: nothing that was found is left out.
func (t *tracked) part(f *model.Finding) *part {
	for i := range t.parts {
		if p := &t.parts[i]; p.of == f.Encounter && p.against == f.Against {
			return p
		}
	}
	name := string(f.Encounter)
	if f.Encounter == model.Run {
		name = "set"
	}
	if f.Against != "" {
		name += " on " + abiname.Family(f.Against)
	}
	for i := range t.parts {
		if t.parts[i].name == name {
			name += " (other)"
		}
	}
	t.parts = append(t.parts, part{name: name, real: f.Against, of: f.Encounter, against: f.Against})
	return &t.parts[len(t.parts)-1]
}

// partsOf lists the encounters of a release.
func partsOf(v *model.ReleaseVerdict) []part {
	var out []part
	switch {
	case v.Release.Name == runName:
		out = append(out, part{name: "set", of: model.Run})
	case v.Elsewhere():
		out = append(out, part{name: "modules", of: model.Outside})
	case v.Self.Judged:
		out = append(out, part{name: "self", of: model.Self})
	default:
		out = append(out, part{name: "self", of: model.Self, skipped: "not judged"})
	}
	var kernels, olds []string
	for i := range v.On {
		kernels = appendNew(kernels, v.On[i].Kernel.Name)
	}
	for i, family := range counted(families(kernels)) {
		out = append(out, part{name: "on " + family, real: kernels[i], of: model.Outside, against: kernels[i]})
	}
	first := map[string]*model.WindowResult{}
	for i := range v.Windows {
		w := &v.Windows[i]
		if olds = appendNew(olds, w.Old.Name); first[w.Old.Name] == nil {
			first[w.Old.Name] = w
		}
	}
	for i, family := range counted(families(olds)) {
		w := first[olds[i]]
		window := part{name: "window on " + family, real: olds[i], of: model.Window, against: olds[i]}
		reverse := part{name: "reverse of " + family, real: olds[i], of: model.Reverse, against: olds[i]}
		if !w.Judged {
			window.skipped = w.Why
		}
		if !w.Reverse.Judged {
			reverse.skipped = w.Reverse.Why
		}
		out = append(out, window, reverse)
	}
	return out
}

func families(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = abiname.Family(n)
	}
	return out
}

func appendNew(list []string, name string) []string {
	for _, have := range list {
		if have == name {
			return list
		}
	}
	return append(list, name)
}

// counted puts a number behind names that were there already.
func counted(names []string) []string {
	out, n := make([]string, len(names)), map[string]int{}
	for i, name := range names {
		if n[name]++; n[name] > 1 {
			name = fmt.Sprintf("%s %d", name, n[name])
		}
		out[i] = name
	}
	return out
}

func fingerprint(what string) string {
	sum := sha256.Sum256([]byte("kpkg-btf\x00" + what))
	return hex.EncodeToString(sum[:16])
}

// messageLength bounds, in characters, what widgets show of a finding.
const messageLength = 120

// inBrief is the sentence of a finding in at most messageLength characters; where
// it is cut it still names the first subject.
func inBrief(f *model.Finding) string {
	text := strings.Join(strings.Fields(where.Clean(f.Message)), " ")
	if utf8.RuneCountInString(text) <= messageLength {
		return text
	}
	head := cutWords(text, messageLength-2)
	if len(f.Subjects) == 0 || strings.Contains(head, where.Clean(f.Subjects[0])) {
		return head + " …"
	}
	subject := []rune(where.Clean(f.Subjects[0]))
	if half := messageLength / 2; len(subject) > half {
		subject = append([]rune("…"), subject[len(subject)-half+1:]...)
	}
	return cutWords(text, messageLength-len(subject)-5) + " … (" + string(subject) + ")"
}

// cutWords cuts a text to so many characters, behind a word where there is one.
func cutWords(text string, to int) string {
	head := string([]rune(text)[:to])
	if i := strings.LastIndexByte(head, ' '); i > 0 {
		head = head[:i]
	}
	return strings.TrimRight(head, " ,;:(")
}
