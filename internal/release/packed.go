package release

import (
	"sync"
	"sync/atomic"

	"kpkg-btf/internal/kmod"
)

// Packed is a module of a condensed release: its facts with the BTF packed, and
// without Sections and Modinfo.All.
type Packed struct {
	Path  string
	Facts *kmod.Facts
}

// packAll packs modules in their order.
func packAll(list []*Module, jobs int) []*Packed {
	out := make([]*Packed, len(list))
	jobs = max(jobs, 1)
	var wg sync.WaitGroup
	for j := range jobs {
		wg.Go(func() {
			var buf []byte
			for i := j; i < len(list); i += jobs {
				out[i], buf = list[i].packed(buf)
			}
		})
	}
	wg.Wait()
	return out
}

func (m *Module) packed(buf []byte) (*Packed, []byte) {
	f, buf := m.Facts.Packed(buf)
	f.Sections, f.Modinfo.All = nil, nil
	return &Packed{Path: m.Path, Facts: f}, buf
}

// openBTF is how many bytes of module BTF a set of inputs may have to be held as
// it is. A release of 6.1 has 60 MB, one of 7.2 has 307.
const openBTF = 64 << 20

// holder decides how the BTF of one set is held. Workers share it.
type holder struct{ seen atomic.Int64 }

// pack reports of one more blob whether it is packed at once.
func (h *holder) pack(size int) bool { return h.seen.Add(int64(size)) > openBTF }

// settle packs what came before it was known that the set has more than openBTF.
func (h *holder) settle(items []*item) {
	if h.seen.Load() <= openBTF {
		return
	}
	var buf []byte
	for _, it := range items {
		if it.module != nil {
			it.module, buf = it.module.Packed(buf)
		}
	}
}
