package pin_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

// source is a made-up kernel's source: a build of it gives types in an order of
// its own. Names are numbers into one alphabet, so that another source can
// have some more, some less, some changed.
type source struct {
	structs, funcs []int
	grown          map[int]bool // structs with one member more
	big            bool
	sorted         bool
	layout         bool // 32-byte header with a layout section
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// node is one type; others refer to it by key.
type node struct {
	key, name string
	emit      func(b *btftest.Builder, id func(key string) btf.ID)
}

func (s *source) nodes() (list []node) {
	add := func(key, name string, emit func(b *btftest.Builder, id func(string) btf.ID)) {
		list = append(list, node{key, name, emit})
	}
	add("int", "int", func(b *btftest.Builder, _ func(string) btf.ID) { b.Int("int", 4, btftest.Signed) })
	add("u8", "u8", func(b *btftest.Builder, id func(string) btf.ID) { b.Typedef("u8", id("char")) })
	add("char", "char", func(b *btftest.Builder, _ func(string) btf.ID) { b.Int("char", 1, btftest.Signed) })
	add("*char", "", func(b *btftest.Builder, id func(string) btf.ID) { b.Ptr(id("const char")) })
	add("const char", "", func(b *btftest.Builder, id func(string) btf.ID) { b.Const(id("char")) })
	add("*void", "", func(b *btftest.Builder, id func(string) btf.ID) { b.Ptr(0) })
	add("void()", "", func(b *btftest.Builder, id func(string) btf.ID) { b.Proto(0) })
	add("nop", "nop", func(b *btftest.Builder, id func(string) btf.ID) { b.Func("nop", id("void()")) })
	have := map[int]bool{}
	for _, i := range s.structs {
		have[i] = true
	}
	for _, i := range s.structs {
		key := fmt.Sprintf("s%03d", i)
		next := key
		if have[i+1] {
			next = fmt.Sprintf("s%03d", i+1)
		}
		add("*"+key, "", func(b *btftest.Builder, id func(string) btf.ID) { b.Ptr(id(key)) })
		add("anon "+key, "", func(b *btftest.Builder, id func(string) btf.ID) {
			b.Union("", 8, btftest.M("id", id("int"), 0), btftest.M("peer", id("*"+next), 0))
		})
		add(key, key, func(b *btftest.Builder, id func(string) btf.ID) {
			m := []btftest.Member{btftest.M("next", id("*"+next), 0), btftest.M("", id("anon "+key), 8), btftest.M("name_"+key, id("*char"), 16)}
			size := uint32(24)
			if s.grown[i] {
				m, size = append(m, btftest.M("more", id("*void"), 24)), 32
			}
			b.Struct(key, size, m...)
		})
	}
	for _, i := range s.funcs {
		key := fmt.Sprintf("f%03d", i)
		arg := "*char"
		if have[i] {
			arg = fmt.Sprintf("*s%03d", i)
		}
		add("proto "+key, "", func(b *btftest.Builder, id func(string) btf.ID) {
			b.Proto(id("int"), btftest.P("arg_"+key, id(arg)), btftest.P("flags", id("int")))
		})
		add(key, key, func(b *btftest.Builder, id func(string) btf.ID) { b.Func(key, id("proto "+key)) })
		if i%5 == 0 {
			add("tag "+key, "bpf_kfunc", func(b *btftest.Builder, id func(string) btf.ID) { b.DeclTag("bpf_kfunc", id(key), -1) })
		}
	}
	return list
}

// build returns the base of one build; seed decides the order of what may be in
// any, and of strings.
func (s *source) build(seed uint64) *btftest.Builder {
	r := rand.New(rand.NewPCG(seed, 1))
	list := s.nodes()
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if s.sorted {
		slices.SortStableFunc(list, func(a, b node) int { return cmp.Compare(a.name, b.name) })
	}
	b := btftest.Base()
	b.Big = s.big
	if s.layout {
		b.HdrLen, b.Layout = btf.HeaderLenLayout, []byte{1, 2, 3, 4, 5, 6, 7, 8}
	}
	words := []string{"next", "id", "flags", "more", "bpf_kfunc"}
	r.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	for _, w := range words[:r.IntN(4)] {
		b.Str(w)
	}
	ids := map[string]btf.ID{}
	for i, n := range list {
		ids[n.key] = btf.ID(i + 1)
	}
	id := func(key string) btf.ID {
		if ids[key] == 0 {
			panic(key)
		}
		return ids[key]
	}
	for _, n := range list {
		n.emit(b, id)
	}
	return b
}

// module is a split on a base that names some of its types.
func module(base *btf.Raw, names ...string) []byte {
	return appendSplit(base, func(w func(words ...uint32)) {
		for i, name := range names {
			t, ok := base.Find(btf.Struct, name)
			if !ok {
				panic(name)
			}
			own := base.NumTypes() + uint32(3*i)
			w(0, uint32(btf.Ptr)<<24, uint32(t.ID))
			w(0, uint32(btf.FuncProto)<<24|1, 0, uint32(t.Name), own)
			w(base.StrLen(), uint32(btf.Func)<<24, own+1)
		}
	}, "init_it")
}

func appendSplit(base *btf.Raw, records func(w func(words ...uint32)), str string) []byte {
	var types []byte
	o := order(base)
	records(func(words ...uint32) {
		for _, v := range words {
			types = o.AppendUint32(types, v)
		}
	})
	strs := append([]byte(str), 0)
	out := o.AppendUint16(nil, 0xeb9f)
	out = append(out, 1, 0)
	for _, v := range []int{24, 0, len(types), len(types), len(strs)} {
		out = o.AppendUint32(out, uint32(v))
	}
	return append(append(out, types...), strs...)
}

// variants are the shapes of base that every test is run with.
func variants(t *testing.T, f func(t *testing.T, s source)) {
	for _, v := range []struct {
		name string
		s    source
	}{
		{"free", source{}},
		{"free big endian", source{big: true}},
		{"free layout", source{layout: true}},
		{"sorted", source{sorted: true}},
		{"sorted big endian layout", source{sorted: true, big: true, layout: true}},
	} {
		t.Run(v.name, func(t *testing.T) { f(t, v.s) })
	}
}
