package diff

import (
	"slices"

	"kpkg-btf/internal/btf"
)

// maxVariants bounds the definitions of one name that are paired by likeness;
// more are paired in the order of their ids.
const maxVariants = 64

type matcher struct {
	d                  *Diff
	s                  *spelling
	oldTags, newTags   map[btf.ID][]tag
	oldCount, newCount [btf.MaxKind + 1]int
}

// match pairs what both sides define and lists the rest. The order of the maps
// does not matter: the lists are sorted after.
func (m *matcher) match(old, new map[key][]btf.ID) {
	for k, ids := range old {
		m.count(&m.oldCount, m.d.old, ids)
		m.pair(ids, new[k])
	}
	for k, ids := range new {
		m.count(&m.newCount, m.d.new, ids)
		if _, ok := old[k]; !ok {
			m.pair(nil, ids)
		}
	}
}

func (m *matcher) count(n *[btf.MaxKind + 1]int, r *btf.Raw, ids []btf.ID) {
	for _, id := range ids {
		n[r.Kind(id)]++
	}
}

// pair matches the definitions of one name: those that are equal, then those
// that are alike, the most alike first.
func (m *matcher) pair(old, new []btf.ID) {
	if len(old) == 1 && len(new) == 1 {
		m.settle(old[0], new[0])
		return
	}
	old, new = m.equals(old, new)
	if len(old) > maxVariants || len(new) > maxVariants {
		for len(old) > 0 && len(new) > 0 {
			m.settle(old[0], new[0])
			old, new = old[1:], new[1:]
		}
	}
	old, new = slices.Clone(old), slices.Clone(new)
	for len(old) > 0 && len(new) > 0 {
		i, j := m.mostAlike(old, new)
		m.settle(old[i], new[j])
		old, new = slices.Delete(old, i, i+1), slices.Delete(new, j, j+1)
	}
	for _, id := range old {
		m.d.Removed = append(m.d.Removed, item(m.d.old, id))
	}
	for _, id := range new {
		m.d.Added = append(m.d.Added, item(m.d.new, id))
	}
}

// equals settles the definitions that are spelled alike and gives the others.
func (m *matcher) equals(old, new []btf.ID) (restOld, restNew []btf.ID) {
	taken := make([]bool, len(new))
	for _, o := range old {
		or, _ := m.d.old.Record(o)
		found := false
		for j, n := range new {
			if nr, _ := m.d.new.Record(n); !taken[j] && m.s.definition(&or, &nr) {
				m.settle(o, n)
				taken[j], found = true, true
				break
			}
		}
		if !found {
			restOld = append(restOld, o)
		}
	}
	for j, n := range new {
		if !taken[j] {
			restNew = append(restNew, n)
		}
	}
	return restOld, restNew
}

// settle records that two definitions are one, and whether it changed.
func (m *matcher) settle(o, n btf.ID) {
	m.d.toNew[o], m.d.toOld[n] = n, o
	or, _ := m.d.old.Record(o)
	nr, _ := m.d.new.Record(n)
	t := compareTags(m.oldTags[o], m.newTags[n])
	same := m.s.definition(&or, &nr)
	if same && t.none() {
		return
	}
	c := Change{Old: item(m.d.old, o), New: item(m.d.new, n), tags: t}
	m.s.bare = true
	c.NamesOnly = same || m.s.definition(&or, &nr)
	m.s.bare = false
	m.d.Changed = append(m.d.Changed, c)
}

// mostAlike finds the pair with the most in common, of equals the first.
func (m *matcher) mostAlike(old, new []btf.ID) (bi, bj int) {
	best := -1
	names := make([]map[string]bool, len(new))
	for j, n := range new {
		names[j] = namesIn(m.d.new, n)
	}
	for i, o := range old {
		mine := namesIn(m.d.old, o)
		or, _ := m.d.old.Record(o)
		for j, n := range new {
			nr, _ := m.d.new.Record(n)
			if score := likeness(&or, &nr, mine, names[j]); score > best {
				best, bi, bj = score, i, j
			}
		}
	}
	return bi, bj
}

// likeness weighs common names, then kind, size and number of elements.
func likeness(o, n *btf.Record, a, b map[string]bool) int {
	common := 0
	for name := range a {
		if b[name] {
			common++
		}
	}
	score := 0
	if len(a)+len(b) > 0 {
		score = 1000 * 2 * common / (len(a) + len(b))
	}
	if o.Kind == n.Kind {
		score += 500
	}
	if o.SizeType == n.SizeType {
		score += 100
	}
	if o.Vlen == n.Vlen {
		score += 50
	}
	return score
}

// namesIn are the names of members, enumerators or parameters.
func namesIn(r *btf.Raw, id btf.ID) map[string]bool {
	t, _ := r.Record(id)
	if t.Kind == btf.Func {
		t, _ = r.Record(t.Ref())
	}
	set := map[string]bool{}
	for pos, off := range t.Names {
		if pos != t.Pos && len(set) < 4096 {
			set[r.Name(off)] = true
		}
	}
	return set
}

// kinds counts what was found, kind by kind.
func (m *matcher) kinds() []Kinds {
	var out []Kinds
	for k := btf.Int; k <= btf.MaxKind; k++ {
		if rank(k) < 0 || m.oldCount[k]+m.newCount[k] == 0 {
			continue
		}
		x := Kinds{Kind: k, Old: m.oldCount[k], New: m.newCount[k]}
		for i := range m.d.Changed {
			if m.d.Changed[i].New.Kind == k {
				x.Changed++
			}
		}
		x.Added, x.Removed = countKind(m.d.Added, k), countKind(m.d.Removed, k)
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b Kinds) int { return rank(a.Kind) - rank(b.Kind) })
	return out
}

func countKind(list []Item, k btf.Kind) (n int) {
	for i := range list {
		if list[i].Kind == k {
			n++
		}
	}
	return n
}
